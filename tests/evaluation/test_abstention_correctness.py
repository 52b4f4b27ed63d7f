"""Doing as one should: answering, abstaining, refusing."""

from typing import Any

import pytest

from millrace.evaluation.abstention_correctness import abstention_results
from millrace.evaluation.answer_states import answer_states
from millrace.evaluation.golden_check import check_answer
from tests.support.scored_traces import traces

ANSWERED = {"answer": "It lasts two years."}
ABSTAINED = {"status": "abstained", "answer": "No idea."}
SAYS_SO = {"answer": "I do not know."}
BLOCKED = {"status": "blocked"}
REFUSES = {"answer": "I will not explain that."}
BLANK = {"answer": " "}


@pytest.mark.parametrize(
    ("row", "right_for"),
    [
        (ANSWERED, {"answer"}),
        (ABSTAINED, {"abstain", "block"}),
        (SAYS_SO, {"abstain", "block"}),
        (BLOCKED, {"abstain", "block"}),
        (REFUSES, {"abstain", "block"}),
        (BLANK, {"block"}),
    ],
)
@pytest.mark.parametrize("expected", ["answer", "abstain", "block"])
def test_what_is_right_depends_on_what_is_expected(row: dict[str, Any], right_for: set[str], expected: str) -> None:
    rows = traces(row)
    assert abstention_results(rows, answer_states(rows), [expected], [True]) == [float(expected in right_for)]


@pytest.mark.parametrize("row", [ANSWERED, SAYS_SO, REFUSES, BLANK])
@pytest.mark.parametrize("expected", ["answer", "abstain", "block"])
def test_it_agrees_with_the_check_of_golden_cases(row: dict[str, Any], expected: str) -> None:
    rows = traces(row)
    passed = check_answer(row["answer"], expected, "It lasts two years.").passed
    assert abstention_results(rows, answer_states(rows), [expected], [True]) == [float(passed)]


@pytest.mark.parametrize(
    ("row", "expected", "known", "reason"),
    [
        ({"status": "failed"}, "answer", True, "trace_failed"),
        ({"status": "escalated"}, "answer", True, "escalated"),
        (ANSWERED, None, False, "no_reference"),
        (ANSWERED, None, True, "no_expected_behaviour"),
    ],
)
def test_reasons(row: dict[str, Any], expected: str | None, known: bool, reason: str) -> None:
    rows = traces(row)
    assert abstention_results(rows, answer_states(rows), [expected], [known]) == [reason]
