"""Conversations of columns are those that a loop over rows would build."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema
from millrace.distillation.conversations import (
    context_bytes,
    conversations,
    history_bytes,
    history_faults,
    numbered_passages,
    prompt_form_column,
    single_turns,
)
from millrace.records.evidence import Evidence
from tests.support.judged_evidence import turn

HISTORY = arrow_schema(Evidence).field("history").type
USER, OTHER, SYSTEM = (turn(speaker, f"{speaker} speaks") for speaker in ("user", "assistant", "system"))

Row = tuple[list[dict[str, str]], str, str | None, str]


def histories(*rows: list[dict[str, str]]) -> pa.ListArray:
    return pa.array(rows, HISTORY)


def by_hand(history: list[dict[str, str]], prompt: str, system: str | None, answer: str) -> list[dict[str, str]]:
    turns = [{"role": each["speaker"], "content": each["text"]} for each in history]
    if system is not None and turns and turns[0]["role"] == "system":
        turns[0] = {"role": "system", "content": f"{turns[0]['content']}\n\n{system}"}
    elif system is not None:
        turns = [{"role": "system", "content": system}, *turns]
    return [*turns, {"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


good_history = st.builds(
    lambda led, n: [*([SYSTEM] if led else []), *([USER, OTHER] * n)], st.booleans(), st.integers(0, 3)
)
rows = st.lists(st.tuples(good_history, st.text(), st.none() | st.text(), st.text()), max_size=6)


@given(rows)
def test_columns_give_what_a_loop_gives(given_rows: list[Row]) -> None:
    columns = list(zip(*given_rows, strict=True)) or [(), (), (), ()]
    prompt, system, answer = (pa.array(column, pa.string()) for column in columns[1:])
    found = conversations(histories(*columns[0]), prompt, system, answer)
    assert found.to_pylist() == [by_hand(*row) for row in given_rows]
    without = conversations(histories(*columns[0]), prompt)
    assert without.to_pylist() == [by_hand(one[0], one[1], None, "")[:-1] for one in given_rows]


def test_slices_are_read_where_they_begin() -> None:
    whole = histories([USER, OTHER], [SYSTEM], [USER, OTHER, USER, OTHER])
    texts = pa.array(["a", "b", "c"])
    found = conversations(whole.slice(1), texts.slice(1), answer=texts.slice(1))
    assert found.to_pylist() == [by_hand([SYSTEM], "b", None, "b"), by_hand([USER, OTHER] * 2, "c", None, "c")]


@pytest.mark.parametrize(
    ("history", "fault"),
    [
        ([], None),
        ([SYSTEM], None),
        ([USER, OTHER], None),
        ([SYSTEM, USER, OTHER, USER, OTHER], None),
        ([USER], "ends with the user"),
        ([OTHER], "does not alternate"),
        ([USER, USER, OTHER], "does not alternate"),
        ([SYSTEM, OTHER], "does not alternate"),
        ([USER, SYSTEM], "a system turn stands inside"),
        ([SYSTEM, SYSTEM], "a system turn stands inside"),
        ([turn("user", " "), OTHER], "is blank"),
        ([turn("system", "\u200b")], "is blank"),
    ],
)
def test_a_history_must_lead_up_to_a_prompt(history: list[dict[str, str]], fault: str | None) -> None:
    faults = history_faults(histories([], history, [USER, OTHER]))
    found = [what for what, rows in faults.items() if rows[1]]
    assert not any(rows[0] or rows[2] for rows in faults.values())
    assert (fault is None and not found) or (fault is not None and any(fault in what for what in found))


def test_passages_are_numbered_and_rows_without_any_have_no_message() -> None:
    contexts = pa.array([["a", "b"], [], ["c"]], pa.list_(pa.string()))
    expected = ["Read.\n\n[1] a\n\n[2] b", None, "Read.\n\n[1] c"]
    assert numbered_passages(contexts, "Read.").to_pylist() == expected
    assert numbered_passages(contexts.slice(2), "Read.").to_pylist() == expected[2:]
    assert context_bytes(contexts).tolist() == [2, 0, 1]


def test_lengths_of_histories_are_bytes() -> None:
    assert history_bytes(histories([turn("user", "ü"), turn("assistant", "a")], [])).tolist() == [3, 0]


def test_one_turn_is_the_assistants() -> None:
    assert single_turns(pa.array(["a"])).to_pylist() == [[{"role": "assistant", "content": "a"}]]


def test_prompts_are_equal_in_form_only_with_the_turns_before_them() -> None:
    rows: dict[str, Any] = {
        "prompt": pa.array(["Why?", " WHY? ", None, "why?"]),
        "history": histories([], [], [USER, OTHER], [USER, OTHER]),
    }
    first, second, third, fourth = prompt_form_column(rows).to_pylist()
    assert first == second == "why?"
    assert third is None
    assert fourth == "user: user speaks\nassistant: assistant speaks\nuser: why?"


def test_the_turns_before_a_prompt_are_compared_in_their_form_too() -> None:
    shouted = [turn("user", " USER\n speaks"), turn("assistant", "Assistant \u200bSPEAKS")]
    rows: dict[str, Any] = {"prompt": pa.array(["Why?", "Why?"]), "history": histories([USER, OTHER], shouted)}
    one, other = prompt_form_column(rows).to_pylist()
    assert one == other
