"""A results file as promptfoo 0.121 writes it with ``-o results.json``, cut down to what tells of a test."""

from collections.abc import Mapping, Sequence
from typing import Any


def promptfoo_result(
    question: str,
    named: Mapping[str, float] | None = None,
    *,
    passed: bool = True,
    score: float = 1.0,
    error: str | None = None,
    prompt: str = "grounded",
    provider: str = "bot",
    asserted: Sequence[str] | None = None,
    broken: Sequence[str] = (),
    **variables: Any,
) -> dict[str, Any]:
    """One test with one prompt and provider; ``error`` is the provider's, ``broken`` are metrics whose grader broke."""
    names = list(named or {}) if asserted is None else list(asserted)
    components = [
        {
            "pass": name not in broken,
            "score": (named or {}).get(name, 0),
            "reason": "",
            "assertion": {"type": "llm-rubric", "metric": name},
            **({"metadata": {"graderError": True}} if name in broken else {}),
        }
        for name in names
    ]
    known = {"question": question, **variables}
    graded = {"pass": passed, "score": score, "namedScores": dict(named or {}), "componentResults": components}
    return {
        "gradingResult": None if error else graded,
        "namedScores": {} if error else dict(named or {}),
        "prompt": {"raw": f"Answer {question}", "label": prompt, "config": {}},
        "promptIdx": 0,
        "provider": {"id": f"echo:{provider}", "label": provider},
        "score": 0 if error else score,
        "success": passed and not error,
        "testCase": {"vars": known, "assert": [{"type": "llm-rubric", "metric": name} for name in names]},
        "testIdx": 0,
        "vars": known,
        "failureReason": 2 if error else 0 if passed else 1,
        **({"error": error} if error else {}),
    }


def promptfoo_document(results: Sequence[Mapping[str, Any]], *, layout: int = 3) -> dict[str, Any]:
    """The file: layout 3 as ``-o`` writes it, 4 as evaluations are shared, 2 of older versions."""
    inner: dict[str, Any] = {
        "version": min(layout, 3),
        "timestamp": "2026-11-21T16:59:20.402Z",
        "results": list(results),
    }
    if layout == 2:
        inner["table"] = {"head": {}, "body": []}
        inner["results"] = [{name: each[name] for name in each if name != "failureReason"} for each in results]
    else:
        inner["prompts"] = []
    outer: dict[str, Any] = {"version": 4} if layout == 4 else {"evalId": "eval-x", "shareableUrl": None}
    if layout != 2:
        outer["metadata"] = {"promptfooVersion": "0.121.20"}
    return {**outer, "results": inner, "config": {}}
