"""Columns that streams share: question keys, passages, identifiers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from millrace.datasets.schema import table_of
from millrace.distillation.stream_columns import identifiers, is_blank, passages, producers, question_keys
from millrace.methods.question_identity import question_key
from millrace.records.trace import Trace
from tests.support.stored import rows_of_kind
from tests.support.traces import TRACES


@settings(deadline=None, max_examples=60)
@given(TRACES)
def test_the_key_is_that_by_which_the_same_question_is_found_everywhere(trace: Trace) -> None:
    table = table_of(Trace, [trace])
    expected = question_key(trace.tenant_id, trace.question, [turn.text for turn in trace.history])
    assert question_keys(table).to_pylist() == [expected]
    alone = question_key(trace.tenant_id, trace.question, [])
    assert question_keys(table.select(["tenant_id", "question"])).to_pylist() == [alone]


@pytest.mark.parametrize("wanted", [None, [True, False, True], [False, False, True]])
def test_passages_are_texts_in_order(wanted: list[bool] | None) -> None:
    def shown(*texts: str) -> dict[str, Any]:
        return {"trace_id": "t", "contexts": [{"context_id": text, "text": text} for text in texts]}

    rows = rows_of_kind("traces", shown("left", "out"), shown("a", "b"), shown(), shown("c")).slice(1)
    kept = [text for text, keep in zip("abc", wanted or [True] * 3, strict=True) if keep]
    found = passages(rows.column("contexts"), None if wanted is None else np.array(wanted)).to_pylist()
    assert found == [[text for text in part if text in kept] for part in ("ab", "", "c")]


def test_an_identifier_that_would_be_too_long_is_null_and_a_producer_is_cut() -> None:
    names = pa.array(["a", "x" * 506, "x" * 507, None])
    assert identifiers("trace-", names).to_pylist() == ["trace-a", "trace-" + "x" * 506, None, None]
    assert producers(pa.array(["", "a", "x" * 600, None])).to_pylist() == [None, "a", "x" * 512, None]


def test_blank_is_null_or_white_space() -> None:
    assert is_blank(pa.array(["a", " \n\u3000", "", None, " b "])).to_pylist() == [False, True, True, True, False]
