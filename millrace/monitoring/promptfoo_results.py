"""The file that ``promptfoo eval -o results.json`` writes, as rows of metrics.

Metrics are named ``promptfoo/...``: each metric that an assertion names, ``pass`` (all assertions of the test hold),
and ``score`` (promptfoo's weighted score) for tests whose assertions name no metric.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError

PREFIX = "promptfoo/"
_ERROR = 2  # promptfoo's failureReason: 0 none, 1 an assertion, 2 the provider or a grader broke
_OF_ONE_RUN = ("sessionId",)

Row = dict[str, str | float | None]


def is_promptfoo(document: object) -> bool:
    """Whether a JSON document is a results file of promptfoo, in any of its layouts: all keep rows in one place."""
    results = document.get("results") if isinstance(document, dict) else None
    return isinstance(results, dict) and isinstance(results.get("results"), list)


def promptfoo_layout(document: Mapping[str, Any]) -> str:
    """What the file says of itself."""
    layout = document.get("version", document["results"].get("version"))
    version = (document.get("metadata") or {}).get("promptfooVersion")
    return f"promptfoo results (layout {layout}{f', promptfoo {version}' if version else ''})"


def promptfoo_rows(document: Mapping[str, Any], file: str) -> list[Row]:
    """A row for each metric of each test, with the columns of ``eval_results.ROWS``.

    Equal keys are equal variables, prompt and provider. With a single prompt in the file its label is left out, and so
    is the provider's: then it is the prompt, or the model, that is to be compared with another. Repeated tests have
    equal keys. What the provider or a grader broke on is failed, and has no value.

    Args:
        file: its name, for messages.

    Raises:
        BadInputError: a row without what it takes; the message counts rows from 1.
    """
    results: list[Any] = document["results"]["results"]
    if not results:
        raise BadInputError(f"{file} is a results file of promptfoo without results", file=file)
    for number, result in enumerate(results, start=1):
        _check(result, number, file)
    several_prompts = len({_prompt(result) for result in results}) > 1
    several_providers = len({_provider(result) for result in results}) > 1
    return [
        row
        for result in results
        for row in _rows(
            result,
            sha256_json(
                [
                    _variables(result),
                    _prompt(result) if several_prompts else None,
                    _provider(result) if several_providers else None,
                ]
            ),
        )
    ]


def _check(result: object, number: int, file: str) -> None:
    where = f"{file}: result {number}"
    if not isinstance(result, dict):
        raise BadInputError(f"{where} is no object", file=file, row=number)
    if not isinstance(result.get("success"), bool):
        raise BadInputError(f"{where} has no `success` of true or false", file=file, row=number)
    if not isinstance(_variables(result), dict) or not isinstance(result.get("prompt"), dict):
        raise BadInputError(f"{where} lacks `vars` or `prompt`, by which it is found again", file=file, row=number)
    for name, value in (result.get("namedScores") or {}).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadInputError(f"{where}: named score {name} is {value!r}, not a number", file=file, row=number)


def _rows(result: Mapping[str, Any], key: str) -> Iterator[Row]:
    components = (result.get("gradingResult") or {}).get("componentResults") or []
    broken = [each for each in components if (each.get("metadata") or {}).get("graderError") is True]
    named = {name: float(value) for name, value in (result.get("namedScores") or {}).items()}
    names = dict.fromkeys([*named, *_asserted((result.get("testCase") or {}).get("assert") or [])])
    score = result.get("score")
    values: dict[str, float | None] = {"pass": float(result["success"])}
    if not names:
        values["score"] = float(score) if isinstance(score, int | float) else None
    values |= {name: named.get(name) for name in names}
    lost = {(each.get("assertion") or {}).get("metric") for each in broken} | ({"pass", "score"} if broken else set())
    for name, value in values.items():
        reason = "provider_error" if _is_error(result) else "grader_error" if name in lost else None
        if reason is None and value is None:
            reason = "no_score"
        yield {
            "question_key": key,
            "metric": f"{PREFIX}{name}",
            "status": "failed" if reason else "scored",
            "value": None if reason else value,
            "reason": reason,
            "source": "promptfoo",
        }


def _is_error(result: Mapping[str, Any]) -> bool:
    """Older layouts have no failureReason; there an error without grading is one."""
    if "failureReason" in result:
        return bool(result["failureReason"] == _ERROR)
    return bool(result.get("error")) and not result.get("gradingResult")


def _asserted(assertions: Sequence[Any]) -> Iterator[str]:
    """Metrics that assertions name; those that are templates show only in the scores."""
    for each in assertions:
        if isinstance(each, dict):
            metric = each.get("metric")
            if isinstance(metric, str) and "{{" not in metric:
                yield metric
            yield from _asserted(each.get("assert") or [])


def _variables(result: Mapping[str, Any]) -> Any:
    """The test's variables without those that promptfoo sets anew in every run."""
    given = result.get("vars")
    if given is None:
        given = (result.get("testCase") or {}).get("vars")
    if not isinstance(given, dict):
        return given
    return {name: value for name, value in given.items() if not name.startswith("_") and name not in _OF_ONE_RUN}


def _prompt(result: Mapping[str, Any]) -> str:
    prompt = result["prompt"]
    return str(prompt.get("label") or prompt.get("raw") or "")


def _provider(result: Mapping[str, Any]) -> str:
    provider = result.get("provider")
    return str(provider.get("label") or provider.get("id") or "") if isinstance(provider, dict) else str(provider)
