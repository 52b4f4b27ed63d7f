"""The form of answers, and what is wrong with it."""

from typing import Any

import pytest

from millrace.evaluation.answer_states import answer_states
from millrace.evaluation.format_validity import format_results
from tests.support.scored_traces import traces

SYSTEM = {"history": [{"speaker": "system", "text": "Reply with JSON."}, {"speaker": "user", "text": "Hello."}]}
USER = {"history": [{"speaker": "user", "text": "Reply with JSON."}]}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"answer": "It lasts two years."}, None),
        ({"answer": ""}, "blank"),
        ({"answer": None}, "blank"),
        ({"answer": "Two years.", "output": '{"answer": "Two years."}'}, None),
        ({"answer": "Two years.", "output": "{answer:"}, "invalid_output"),
        ({"answer": "Two years.", "question": "As JSON, please: how long?"}, "invalid_json"),
        ({"answer": "Two years."} | SYSTEM, "invalid_json"),
        ({"answer": '{"years": 2}'} | SYSTEM, None),
        ({"answer": "Two years."} | USER, None),
        ({"answer": "The warranty of the machine covers two years and"}, "unfinished"),
        ({"answer": "Two years\ufffd."}, "debris"),
    ],
)
def test_faults_of_what_was_answered(row: dict[str, Any], fault: str | None) -> None:
    rows = traces({}, row)  # the instructions of a trace are its own
    results, faults = format_results(rows, answer_states(rows))
    assert (results[1], faults[1]) == (float(fault is None), fault)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"status": "failed"}, "trace_failed"),
        ({"status": "blocked"}, "blocked"),
        ({"status": "escalated", "answer": "A person will"}, "escalated"),
        ({"answer": "I do not know."}, "abstained"),
    ],
)
def test_what_was_not_answered_has_no_form(row: dict[str, Any], reason: str) -> None:
    rows = traces(row)
    assert format_results(rows, answer_states(rows)) == ([reason], [None])
