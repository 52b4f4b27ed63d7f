"""Rows that left, and rows taken out by hand."""

import pyarrow as pa
import pytest

from millrace.datasets.schema import rows_of, table_of
from millrace.errors import NotFoundError
from millrace.golden.history import Removal, departed_rows, remove_by_hand
from millrace.records.golden import GoldenRow, Split
from millrace.records.trace import utc


def row(name: str, group: str = "g", split: Split = "eval", answer: str = "Yes.") -> GoldenRow:
    return GoldenRow(
        golden_id=name,
        tenant_id="a",
        question=f"{name}?",
        expected_behaviour="answer",
        expected_answer=answer,
        category="ok",
        near_duplicate_group=group,
        split=split,
        source_trace_id="t0",
        annotation_id=f"annotation-{name}",
        added_in="1.0.0",
    )


def table(*rows: GoldenRow) -> pa.Table:
    return table_of(GoldenRow, rows)


def names(found: pa.Table) -> list[str]:
    return found.column("golden_id").to_pylist()  # type: ignore[no-any-return]


def test_departed_rows_are_those_the_active_version_has_not_each_as_it_was_last() -> None:
    found = departed_rows(table(row("a")), [table(row("a"), row("c", answer="Old.")), table(row("c"), row("b"))])
    assert names(found) == ["b", "c"]
    assert rows_of(GoldenRow, found)[1].expected_answer == "Yes."


def test_nothing_departed_when_every_version_is_contained() -> None:
    assert departed_rows(table(row("a"), row("b")), [table(row("a"))]).num_rows == 0
    assert departed_rows(table(), []).num_rows == 0


def test_of_two_sides_of_a_group_the_active_one_counts_else_the_later() -> None:
    active = table(row("a", "g", "eval"))
    others = [table(row("b", "g", "train"), row("c", "h", "train")), table(row("d", "h", "eval"))]
    assert names(departed_rows(active, others)) == ["d"]


def test_a_removal_takes_one_row_out_and_makes_a_major_version() -> None:
    removal = Removal(golden_id="b", reason="names a person", removed_at=utc(2026, 11, 9))
    found = remove_by_hand(table(row("a"), row("b")), removal, "1.4.0")
    assert (names(found.rows), found.version) == (["a"], "2.0.0")
    assert [(each.golden_id, each.annotation_id, each.reason, each.detail) for each in found.removed] == [
        ("b", "annotation-b", "by_hand", "names a person")
    ]


def test_the_last_row_can_be_removed() -> None:
    removal = Removal(golden_id="a", reason="wrong", removed_at=utc(2026, 11, 9))
    assert remove_by_hand(table(row("a")), removal, "1.0.0").rows.num_rows == 0


def test_a_row_that_is_not_there_cannot_be_removed() -> None:
    removal = Removal(golden_id="x", reason="wrong", removed_at=utc(2026, 11, 9))
    with pytest.raises(NotFoundError, match="no row x"):
        remove_by_hand(table(row("a")), removal, "1.0.0")
