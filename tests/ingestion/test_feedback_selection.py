"""Which feedback belongs to given traces, in pieces of bounded size."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema, table_of
from millrace.ingestion.feedback_selection import FeedbackSelection, selected_range
from millrace.methods.feedback import last_words
from millrace.records.feedback import Feedback
from millrace.records.trace import utc


def traces(*ids: str, tenant: str = "a") -> pa.Table:
    return pa.table({"trace_id": pa.array(ids, pa.string()), "tenant_id": pa.array([tenant] * len(ids), pa.string())})


def said(*rows: dict[str, Any]) -> pa.Table:
    known = {"tenant_id": "a", "user_id": "u", "time": utc(2026, 11, 9), "rating": 1.0}
    return table_of(Feedback, [Feedback(**{"feedback_id": f"f{i}"} | known | row) for i, row in enumerate(rows)])


def selected(selection: FeedbackSelection, parts: list[pa.Table], max_rows: int) -> list[pa.Table]:
    selection.count(parts)
    return [selected_range(selection, parts, places) for places in selection.ranges(max_rows)]


def test_what_is_on_other_traces_or_of_another_tenant_is_left_out_and_counted() -> None:
    selection = FeedbackSelection(traces("t2", "t1"))
    foreign = [{"trace_id": "t1", "tenant_id": "b", "user_id": "spy"}, {"trace_id": "t2", "tenant_id": "b"}]
    (found,) = selected(selection, [said({"trace_id": "t1"}, {"trace_id": "t9"}), said(*foreign)], 10)
    assert found.select(["trace_id", "tenant_id", "user_id"]).to_pylist() == [
        {"trace_id": "t1", "tenant_id": "a", "user_id": "u"}
    ]
    assert (selection.n_rows, selection.n_other_tenant, selection.n_elsewhere) == (1, 2, 1)


def test_a_piece_holds_at_most_so_many_rows_but_never_half_a_trace() -> None:
    rows = [{"trace_id": f"t{n}", "user_id": f"u{m}"} for n in range(4) for m in range(3)]
    pieces = selected(FeedbackSelection(traces("t0", "t1", "t2", "t3", "t4")), [said(*rows)], 7)
    assert [sorted(set(piece.column("trace_id").to_pylist())) for piece in pieces] == [["t0", "t1"], ["t2", "t3"]]
    assert [piece.num_rows for piece in selected(FeedbackSelection(traces("t0")), [said(*rows)], 1)] == [3]


@pytest.mark.parametrize("ids", [[], ["t1"]])
def test_without_feedback_there_is_nothing(ids: list[str]) -> None:
    assert selected(FeedbackSelection(traces(*ids)), [said()], 5) == []
    assert selected(FeedbackSelection(traces(*ids)), [said({"trace_id": "t9"})], 5) == []


_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "trace_id": st.sampled_from(["t1", "t2", "t3", "t9"]),
            "user_id": st.sampled_from([None, "u", "v"]),
            "time": st.integers(1, 3).map(lambda day: utc(2026, 11, day)),
            "rating": st.sampled_from([0.0, 1.0]),
        }
    ),
    max_size=15,
)


@given(_ROWS, st.integers(1, 8), st.integers(0, 15))
def test_pieces_and_parts_do_not_change_what_is_selected(rows: list[dict[str, Any]], max_rows: int, cut: int) -> None:
    whole = said(*rows)
    known = whole.filter(pa.array([row["trace_id"] != "t9" for row in rows], pa.bool_()))
    pieces = selected(FeedbackSelection(traces("t3", "t1", "t2")), [whole.slice(0, cut), whole.slice(cut)], max_rows)
    found = pa.concat_tables([arrow_schema(Feedback).empty_table(), *pieces])
    assert found.combine_chunks().equals(last_words(known).combine_chunks())
