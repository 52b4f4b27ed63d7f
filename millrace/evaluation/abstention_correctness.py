"""Did the application answer, abstain or refuse as it should? (A26)"""

from collections.abc import Sequence

import pyarrow as pa

from millrace.evaluation.golden_check import is_refusal
from millrace.evaluation.results import Result

SOURCE = "abstention/1"
_UNDEFINED = ("trace_failed", "escalated")  # neither answered nor declined
_DECLINED = ("abstained", "blocked")


def abstention_results(
    traces: pa.Table, states: Sequence[str | None], expected: Sequence[str | None], has_reference: Sequence[bool]
) -> list[Result]:
    """1 where each trace did as it should, else 0, in order; as ``golden_check`` holds answers against golden cases.

    Expected to answer: it did, neither blank nor declining. Expected to abstain: it declined, by abstaining or by
    refusing. Expected to be blocked: it declined, or said nothing. What an application does is told by its status and
    by the answer itself.

    No value: ``trace_failed``, ``escalated``, ``no_reference``, ``no_expected_behaviour`` (the reference does not say).

    Args:
        traces: column answer of Trace.
        states: from ``answer_states``.
        expected: behaviour by the reference: answer, abstain, block, or None.
        has_reference: whether there is one.
    """
    answers = traces.column("answer").to_pylist()
    rows = zip(answers, states, expected, has_reference, strict=True)
    return [_result(answer or "", state, wanted, known) for answer, state, wanted, known in rows]


def _result(answer: str, state: str | None, wanted: str | None, has_reference: bool) -> Result:
    if state in _UNDEFINED:
        return state
    if wanted is None:
        return "no_expected_behaviour" if has_reference else "no_reference"
    declined = state in _DECLINED or is_refusal(answer)
    if wanted == "answer":
        return float(not declined and state is None)
    return float(declined or (wanted == "block" and state == "no_answer"))
