"""What a golden dataset remembers of rows that are no longer in it (A32)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from millrace.datasets.schema import rows_of, table_of
from millrace.errors import NotFoundError
from millrace.golden.versions import next_version
from millrace.records.base import Identifier, Record
from millrace.records.golden import GoldenRow, Semver, Split
from millrace.records.trace import UtcTime

RemovalReason = Literal["corrected", "disagreement", "by_hand"]


class Removal(Record):
    """A row that somebody took out by hand; answers up to then do not bring it back, a new answer does."""

    golden_id: Identifier
    reason: str = Field(min_length=1, max_length=2000)
    removed_at: UtcTime


class RemovedRow(Record):
    """A row of the parent that the next version has not, or has with another answer.

    ``corrected``: another answer counts now, and took the row's place; ``disagreement``: annotators no longer agree;
    ``by_hand``: see :class:`Removal`.
    """

    golden_id: Identifier
    annotation_id: Identifier
    reason: RemovalReason
    detail: str


@dataclass(frozen=True)
class GoldenHistory:
    """What the next version must know beside its parent's rows.

    Attributes:
        departed: rows of other versions that the parent has not, as :func:`departed_rows` gives them. A row that
            comes back keeps its near-duplicate group and side; rows near to it follow it.
        removals: every removal by hand, whichever version it made.
        schema_changed: the parent was written with an older schema of the rows.
    """

    departed: pa.Table | None = None
    removals: Sequence[Removal] = ()
    schema_changed: bool = False


@dataclass(frozen=True)
class GoldenRemoval:
    """The version after a removal by hand: table of GoldenRow, and what is not in it any more."""

    rows: pa.Table
    version: str
    removed: list[RemovedRow]


def departed_rows(active: pa.Table, others: Iterable[pa.Table]) -> pa.Table:
    """Rows of other versions that the active one has not, each as it was last.

    Where versions disagree on the side of a group, the active one counts, else the later: such rows are left out.

    Args:
        active: table of GoldenRow.
        others: tables of GoldenRow, oldest first.

    Returns:
        Table of GoldenRow by ``golden_id``; empty when every version is contained in the active one.
    """
    standing = rows_of(GoldenRow, active)
    present = {row.golden_id for row in standing}
    last: dict[str, GoldenRow] = {}
    for table in others:
        last |= {row.golden_id: row for row in rows_of(GoldenRow, table) if row.golden_id not in present}
    sides: dict[str, Split] = {row.near_duplicate_group: row.split for row in standing}
    for row in reversed(list(last.values())):
        sides.setdefault(row.near_duplicate_group, row.split)
    kept = [last[each] for each in sorted(last) if sides[last[each].near_duplicate_group] == last[each].split]
    return table_of(GoldenRow, kept)


def removals_in(pointer_values: Iterable[Mapping[str, Any]]) -> list[Removal]:
    """Every removal by hand, each once, oldest first, from the values that a golden dataset's pointer had."""
    found = {Removal.model_validate(each) for value in pointer_values for each in value.get("removed", [])}
    return sorted(found, key=lambda each: (each.removed_at, each.golden_id))


def remove_by_hand(rows: pa.Table, removal: Removal, highest: str) -> GoldenRemoval:
    """Take one row out.

    Args:
        rows: the active version, a table of GoldenRow.
        highest: the highest version there ever was, above which the next one is numbered.

    Raises:
        NotFoundError: the version has no such row.
    """
    before = rows_of(GoldenRow, rows)
    gone = [row for row in before if row.golden_id == removal.golden_id]
    if not gone:
        raise NotFoundError(
            f"the active version has no row {removal.golden_id}; `millrace golden show --json` lists them",
            golden_id=removal.golden_id,
        )
    removed = [
        RemovedRow(golden_id=row.golden_id, annotation_id=row.annotation_id, reason="by_hand", detail=removal.reason)
        for row in gone
    ]
    left = table_of(GoldenRow, [row for row in before if row.golden_id != removal.golden_id])
    version: Semver = next_version(highest, removed=len(removed))
    return GoldenRemoval(rows=left, version=version, removed=removed)
