"""What changed between two versions of a golden dataset (A32)."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.golden import Split

_SHOWN_CHARACTERS = 80


class DiffEntry(Record):
    """A row on one side only, or one whose named fields differ."""

    golden_id: Identifier
    question: str
    split: Split
    fields: list[str] = Field([], description="Names of fields that differ; empty for added and removed rows")


class GoldenDiff(Record):
    """Entries sorted by ``golden_id``; a changed one is shown as it is in the new version."""

    added: list[DiffEntry]
    removed: list[DiffEntry]
    changed: list[DiffEntry]


def diff_golden(old: pa.Table, new: pa.Table) -> GoldenDiff:
    """Compare two tables of GoldenRow by ``golden_id``."""
    before, after = ({row["golden_id"]: row for row in table.to_pylist()} for table in (old, new))
    common = [(before[golden_id], after[golden_id]) for golden_id in sorted(before.keys() & after.keys())]
    return GoldenDiff(
        added=[_entry(after[golden_id]) for golden_id in sorted(after.keys() - before.keys())],
        removed=[_entry(before[golden_id]) for golden_id in sorted(before.keys() - after.keys())],
        changed=[_entry(now, _changed_fields(was, now)) for was, now in common if was != now],
    )


def diff_text(diff: GoldenDiff, *, old_version: str, new_version: str) -> str:
    """The differences for people: a line of counts, then one line per row."""
    counts = ", ".join(f"{len(getattr(diff, name))} {name}" for name in ("added", "removed", "changed"))
    lines = [*_lines("+", diff.added), *_lines("-", diff.removed), *_lines("~", diff.changed)]
    return "\n".join([f"{old_version} -> {new_version}: {counts}", *lines])


def _entry(row: dict[str, Any], fields: Sequence[str] = ()) -> DiffEntry:
    return DiffEntry(golden_id=row["golden_id"], question=row["question"], split=row["split"], fields=list(fields))


def _changed_fields(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [name for name in now if was.get(name) != now[name]]


def _lines(mark: str, entries: Sequence[DiffEntry]) -> list[str]:
    return [f"{mark} [{each.split}] {_short(each.question)}{_fields(each)}" for each in entries]


def _short(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def _fields(entry: DiffEntry) -> str:
    return f" ({', '.join(entry.fields)})" if entry.fields else ""
