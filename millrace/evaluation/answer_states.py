"""Whether a trace has an answer that can be judged."""

import pyarrow as pa

from millrace.methods.abstention import is_abstention

TRACE_FAILED = "trace_failed"
_NO_ANSWER_BY_STATUS = {
    "failed": TRACE_FAILED,
    "blocked": "blocked",
    "escalated": "escalated",
    "abstained": "abstained",
}


def answer_states(traces: pa.Table) -> list[str | None]:
    """For each trace None where it was answered, otherwise the reason why there is no answer to judge.

    Reasons are trace_failed, blocked, escalated, abstained (by status, or the answer only says that it has none) and
    no_answer (it counts as answered, but the answer is blank).

    Args:
        traces: columns status and answer of Trace.
    """
    columns = (traces.column(name).to_pylist() for name in ("status", "answer"))
    return [_state(status, answer) for status, answer in zip(*columns, strict=True)]


def _state(status: str, answer: str | None) -> str | None:
    if status in _NO_ANSWER_BY_STATUS:
        return _NO_ANSWER_BY_STATUS[status]
    if answer is None or not answer.strip():
        return "no_answer"
    return "abstained" if is_abstention(answer) else None
