"""Whether an answer does what a golden case expects, without a model (A33).

Exported beside the suites, with the two modules it imports: nothing of Millrace is needed where they run. It is a
floor: it finds an application that abstains where it should answer, answers where it should abstain or refuse, loses
the number of a short answer, or talks about something else. A paraphrase in other words can fail; a judge decides
better.

On MTRAG's human ratings, against the human reference answer, a share of 0.3 passes 81 % of 150 good answers, 60 % of
30 bad ones (a mean rating of 2 or less), and 0.6 % of answers to another question. Numbers told good long answers from
bad ones no better than chance, so they decide short ones only.
"""

import re
from typing import Any, NamedTuple

from millrace.methods.abstention import is_abstention
from millrace.methods.text import content_words, each_sentence, normalise, numbers, words

MIN_RECALL = 0.3  # share of the expected answer's words
_SHORT = 12  # words of an expected answer whose numbers must be there
_REFUSAL = re.compile(
    r"\b(?:i|we)\b.{0,20}?\b(?:won't|will not|refuse|decline|must decline|not (?:able|allowed|permitted) to)\b"
    r"|\b(?:request|question|message|content)\b.{0,30}?\b(?:blocked|not allowed|not permitted|against|violates)\b"
)


class Check(NamedTuple):
    """``score`` in [0, 1]; ``reason`` in a sentence."""

    passed: bool
    score: float
    reason: str


def check_answer(output: str, behaviour: str, expected_answer: str | None, min_recall: float = MIN_RECALL) -> Check:
    """Hold an answer against what is expected.

    ``answer``: it must not decline, must hold at least ``min_recall`` of the expected answer's words (plurals and stop
    words aside; the score), and every number of a short one. ``abstain``: it must say that it has no answer, or refuse.
    ``block``: it must refuse, or say that it has no answer, or be blank, as a filter leaves it.

    Raises:
        ValueError: another behaviour, or no expected answer where one belongs.
    """
    blank = not output.strip()
    declines = not blank and (is_abstention(output) or is_refusal(output))
    if behaviour == "block":
        return _check(blank or declines, "refused" if blank or declines else "answered what should have been refused")
    if behaviour == "abstain":
        if blank:
            return _check(False, "blank; should have said that it has no answer")
        return _check(declines, "abstained" if declines else "answered where it should have abstained")
    if behaviour != "answer":
        raise ValueError(f"unknown expected behaviour {behaviour!r}; known are answer, abstain and block")
    if not expected_answer or not expected_answer.strip():
        raise ValueError("the case expects an answer but has none")
    if blank or declines:
        return _check(False, "blank" if blank else "abstained or refused where it should have answered")
    return _compare(output, expected_answer, min_recall)


def is_refusal(output: str) -> bool:
    """Whether the first sentence refuses. English."""
    first = next(each_sentence(output), "")
    return bool(_REFUSAL.search(normalise(first)))


def get_assert(output: Any, context: dict[str, Any]) -> dict[str, Any]:
    """promptfoo's Python assertion: the case is in the test's variables, the bound in the assertion's config."""
    variables, config = context.get("vars") or {}, context.get("config") or {}
    check = check_answer(
        output if isinstance(output, str) else str(output or ""),
        variables["expected_behaviour"],
        variables.get("expected_answer"),
        float(config.get("min_recall", MIN_RECALL)),
    )
    return {"pass": check.passed, "score": check.score, "reason": check.reason}


def _check(passed: bool, reason: str) -> Check:
    return Check(passed, float(passed), reason)


def _compare(output: str, expected: str, min_recall: float) -> Check:
    said = set(content_words(output)) | set(words(output))
    wanted = set(content_words(expected)) or set(words(expected))
    if not wanted:
        same = expected.strip() in output
        return _check(same, "says the same" if same else f"does not say {expected.strip()!r}")
    score = len(wanted & said) / len(wanted)
    lost = sorted(set(numbers(words(expected))) - said)
    if lost and len(wanted) <= _SHORT:
        return Check(False, score, f"lacks the number {', '.join(lost)}")
    share = f"{len(wanted & said)} of the {len(wanted)} words expected"
    return Check(score >= min_recall, score, share if score >= min_recall else f"only {share}")
