"""Questions are read with the user's turns before them."""

from typing import Any

import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.records.trace import Trace
from millrace.triage.context import questions_in_context

NAMES = ["trace_id", "question", "history"]
SCHEMA = pa.schema([arrow_schema(Trace).field(name) for name in NAMES])


def in_context(question: str, *history: tuple[str, str]) -> Any:
    turns = [{"speaker": speaker, "text": text} for speaker, text in history]
    table = pa.Table.from_pylist([{"trace_id": "t", "question": question, "history": turns}], schema=SCHEMA)
    return questions_in_context(table).to_pylist()


def test_a_question_without_history_stays_as_it_is() -> None:
    assert in_context("Who built it?") == [{"trace_id": "t", "question": "Who built it?"}]


def test_a_follow_up_comes_after_the_last_two_user_turns_and_no_answers() -> None:
    history = [("user", "The mill"), ("user", "The dam"), ("assistant", "It is old."), ("user", " Its sluice ")]
    (row,) = in_context("Who built it?", *history)
    assert row["question"] == "The dam > Its sluice > Who built it?"


def test_blank_turns_do_not_count() -> None:
    (row,) = in_context("Why?", ("user", "The mill"), ("user", "  "), ("assistant", "Yes."), ("system", "Be brief."))
    assert row["question"] == "The mill > Why?"


def test_no_traces_give_no_questions() -> None:
    assert questions_in_context(SCHEMA.empty_table()).column_names == ["trace_id", "question"]
