from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import table_of
from millrace.ingestion.selection import Selection
from millrace.records.trace import Trace, utc

START, END = utc(2026, 11, 9), utc(2026, 11, 16)
TICK = timedelta(microseconds=1)


def part(*rows: dict[str, Any]) -> pa.Table:
    known = {"time": START, "tenant_id": "a", "question": "q"}
    return table_of(Trace, [Trace(**known | row) for row in rows])


def ids(table: pa.Table) -> list[str]:
    found: list[str] = table.column("trace_id").to_pylist()
    return found


def test_the_start_belongs_to_the_window_and_the_end_does_not() -> None:
    selection = Selection(START, END)
    times = {"before": START - TICK, "first": START, "last": END - TICK, "after": END}
    chosen = selection.of(part(*({"trace_id": name, "time": time} for name, time in times.items())))
    assert ids(chosen) == ["first", "last"]
    assert (selection.n_outside, selection.n_duplicates) == (2, 0)


def test_rows_of_other_tenants_are_outside() -> None:
    rows = part({"trace_id": "1"}, {"trace_id": "2", "tenant_id": "b"}, {"trace_id": "3", "tenant_id": "c"})
    selection = Selection(START, END, ["c", "a"])
    assert ids(selection.of(rows)) == ["1", "3"]
    assert selection.n_outside == 1


def test_no_tenant_named_is_not_the_same_as_all_tenants() -> None:
    assert ids(Selection(START, END, []).of(part({"trace_id": "1"}))) == []


def test_an_id_is_taken_once_within_and_across_parts() -> None:
    selection = Selection(START, END)
    first = selection.of(part({"trace_id": "1", "question": "first"}, {"trace_id": "1", "question": "second"}))
    later = selection.of(part({"trace_id": "1", "question": "third"}, {"trace_id": "2"}))
    assert first.column("question").to_pylist() == ["first"]
    assert ids(later) == ["2"]
    assert selection.n_duplicates == 2


def test_a_row_outside_the_window_does_not_take_its_id() -> None:
    selection = Selection(START, END)
    assert ids(selection.of(part({"trace_id": "1", "time": END}, {"trace_id": "1"}))) == ["1"]
    assert (selection.n_outside, selection.n_duplicates) == (1, 0)


WEEK = timedelta(days=7)


def test_late_rows_of_an_earlier_week_come_on_top() -> None:
    selection = Selection(START, END, ["a"])
    assert ids(selection.of(part({"trace_id": "own"}, {"trace_id": "late", "time": START - TICK}))) == ["own"]
    rows = [
        {"trace_id": "late", "time": START - TICK},
        {"trace_id": "first", "time": START - WEEK},
        {"trace_id": "older", "time": START - WEEK - TICK},
        {"trace_id": "own again", "time": START},
        {"trace_id": "another's", "time": START - TICK, "tenant_id": "b"},
    ]
    assert ids(selection.late(part(*rows), START - WEEK, START)) == ["late", "first"]
    assert (selection.n_late, selection.n_outside, selection.n_duplicates) == (2, 1, 0)


def test_what_another_run_has_taken_is_not_late_when_its_file_is_imported_again_with_more_rows() -> None:
    earlier = [{"trace_id": name, "time": START - TICK} for name in ("1", "2")]
    selection = Selection(START, END)
    selection.know(part(*earlier).select(["trace_id", "time", "tenant_id"]), START - WEEK, START)
    again = part(*earlier, {"trace_id": "3", "time": START - TICK})
    assert ids(selection.late(again, START - WEEK, START)) == ["3"]
    assert (selection.n_late, selection.n_duplicates) == (1, 2)


def test_an_id_known_from_another_week_does_not_make_a_row_known() -> None:
    selection = Selection(START, END)
    selection.know(part({"trace_id": "1", "time": START - 2 * WEEK}), START - WEEK, START)
    assert ids(selection.late(part({"trace_id": "1", "time": START - TICK}), START - WEEK, START)) == ["1"]


def test_the_windows_own_rows_come_before_late_ones_of_the_same_id() -> None:
    selection = Selection(START, END)
    assert ids(selection.of(part({"trace_id": "1"}))) == ["1"]
    assert ids(selection.late(part({"trace_id": "1", "time": START - TICK}), START - WEEK, START)) == []


def test_an_empty_part_gives_an_empty_part() -> None:
    assert Selection(START, END).of(part()).num_rows == 0


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(-1, 8), st.sampled_from("ab")), max_size=30),
    st.lists(st.integers(0, 30), max_size=3),
)
def test_every_row_is_taken_outside_or_a_duplicate_however_parts_are_cut(
    rows: Sequence[tuple[int, int, str]], cuts: list[int]
) -> None:
    table = part(
        *({"trace_id": str(i), "time": START + timedelta(days=day), "tenant_id": tenant} for i, day, tenant in rows)
    )
    whole = Selection(START, END, ["a"])
    expected = ids(whole.of(table))

    pieces = Selection(START, END, ["a"])
    edges = sorted({0, table.num_rows, *(min(cut, table.num_rows) for cut in cuts)})
    chosen = [i for low, high in pairwise(edges) for i in ids(pieces.of(table.slice(low, high - low)))]

    assert chosen == expected
    assert len(set(chosen)) == len(chosen)
    assert len(chosen) + pieces.n_outside + pieces.n_duplicates == table.num_rows
    assert (pieces.n_outside, pieces.n_duplicates) == (whole.n_outside, whole.n_duplicates)
