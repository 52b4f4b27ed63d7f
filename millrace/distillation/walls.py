"""The firewall's third wall (D5): what was written is read again and judged by the evidence and its scores.

The first wall is the schema of an exported row, which knows no rejected category; the second is the firewall that
admits. This one believes neither: it takes from a written row only which record it claims to be and what it says.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from millrace.distillation.claimed_files import KnownFiles
from millrace.distillation.config import ExportConfig
from millrace.distillation.duplicates import repeated_keys
from millrace.distillation.judged_records import (
    EVAL_EXAMPLE,
    FORGED,
    NO_PRODUCER,
    NO_RUN,
    UNKNOWN_FILE,
    JudgedRecords,
    Judging,
    RecordKeys,
)
from millrace.distillation.texts import Integers, Keys, Mask, short_keys
from millrace.distillation.written_rows import place_of, written_rows
from millrace.distillation.written_sides import WrittenSide, content_faults, joined_sides, side_names, written_sides
from millrace.errors import LeakError
from millrace.records.evidence import Export

_RECORD_FAULTS = {
    FORGED: "its sig_hash is not that of its row",
    NO_PRODUCER: "it has no producer",
    NO_RUN: "it has no run",
    EVAL_EXAMPLE: "it is, or nearly is, an eval example",
}


def check_written(
    export: Export,
    path: Path,
    evidence_scores: JudgedRecords | Judging,
    config: ExportConfig,
    known_files: KnownFiles | None = None,
) -> int:
    """Read an export's file again and stop at a row that must not be there.

    Holds about 80 bytes a record of the evidence and 90 a written one, and one batch of rows.

    Args:
        path: ``*.jsonl`` or ``*.parquet``.
        evidence_scores: the evidence to judge by, in tables with ``judged_records.JUDGED_COLUMNS``; JudgedRecords read
            it once for several files.
        known_files: the files that exist, where the export was made with them.

    Returns:
        Rows checked.

    Raises:
        LeakError: names file, line or row (from 1), record, and what is wrong with it.
    """
    leaks = _Leaks(export, path)
    batches: list[list[WrittenSide]] = []
    n_rows = 0
    for batch in written_rows(export, path):
        sides = written_sides(export, batch)
        leaks.stop_if(content_faults(export, batch), first=n_rows)
        batches.append(sides)
        n_rows += len(sides[0].ids)
    if n_rows == 0:
        return 0
    joined = [joined_sides(list(parts)) for parts in zip(*batches, strict=True)]
    batches.clear()
    leaks.stop_if(faults_between(export, joined))
    judged = evidence_scores if isinstance(evidence_scores, JudgedRecords) else JudgedRecords(evidence_scores)
    records = judged.keys(known_files)
    for number, allowed in enumerate(allowed_categories(export, config)):
        leaks.stop_if(side_faults(export, joined[number], records, allowed), side=number)
    return n_rows


class _Leaks:
    """Says where a leak is, and stops."""

    def __init__(self, export: Export, path: Path) -> None:
        self._export = export
        self._path = path

    def stop_if(self, faults: dict[str, Mask], *, first: int = 0, side: int = 0) -> None:
        """Raise for the first written row at fault; masks begin at row ``first`` of the file."""
        found = [(first + int(np.argmax(mask)), what) for what, mask in faults.items() if mask.any()]
        if not found:
            return
        row, what = min(found, key=lambda each: each[0])
        place, record = place_of(self._path, row), self._record(row, side)
        raise LeakError(
            f"{self._path} {place}, record {record}: {what}; nothing of the {self._export} export may be published",
            file=str(self._path),
            place=place,
            evidence_id=record,
            leak=what,
        )

    def _record(self, row: int, side: int) -> str | None:
        before = 0
        for batch in written_rows(self._export, self._path):
            names = side_names(self._export, batch)[side]
            if row < before + len(names):
                name: str | None = names[row - before].as_py()
                return name
            before += len(names)
        return None


def allowed_categories(export: Export, config: ExportConfig) -> list[list[str]]:
    """The categories of each side."""
    partial = ["partially_accepted"]
    if export == "preference":
        return [["accepted"], ["rejected", *(partial if config.preference.partial_fallback else [])]]
    if export == "sft":
        return [["accepted", *(partial if config.sft.include_partial else [])]]
    review = ["needs_human_review"] if config.rag.include_review else []
    return [["accepted", *(partial if config.rag.include_partial else []), *review]]


def faults_between(export: Export, sides: list[WrittenSide]) -> dict[str, Mask]:
    """What no record is to blame for alone."""
    if export != "preference":
        return {"its record stands in an earlier row already": repeated_keys(sides[0].ids)}
    chosen, rejected = sides
    pairs = np.sort(np.stack([_folded(chosen.ids), _folded(rejected.ids)], axis=1), axis=1)
    return {
        "both sides are one record": (chosen.ids == rejected.ids).all(axis=1),
        "both sides are one row of a source": (chosen.hashes == rejected.hashes).all(axis=1),
        "its pair stands in an earlier row already": repeated_keys(pairs),
    }


def _folded(ids: Keys) -> Keys:
    folded: Keys = ids[:, 0] ^ (ids[:, 1] << np.uint64(1))
    return folded


def side_faults(export: Export, side: WrittenSide, records: RecordKeys, allowed: list[str]) -> dict[str, Mask]:
    """What is wrong with written rows, given the records that they claim to be."""
    places = records.places(side.ids)
    unknown = places < 0
    if unknown.any():
        return {"it is no record of the evidence": unknown}
    found = records.faults[places]
    categories = records.categories[places]
    faults = {f"its score is not {' or '.join(allowed)}": ~np.isin(categories, short_keys(pa.array(allowed)))}
    faults |= {what: found & bit > 0 for bit, what in _RECORD_FAULTS.items()}
    if "accepted" in allowed:
        faults["it names a file that does not exist"] = found & UNKNOWN_FILE > 0
    return faults | _copy_faults(export, side, records, places)


def _copy_faults(export: Export, side: WrittenSide, records: RecordKeys, places: Integers) -> dict[str, Mask]:
    """Where a written row does not say what its record says."""
    faults = {
        "its category is not that of its score": side.categories != records.categories[places],
        "its sig_hash is not that of its record": (side.hashes != records.hashes[places]).any(axis=1),
        "its tenant is not that of its record": side.tenants != records.tenants[places],
        "its text is not that of its record": (side.texts != records.texts[places]).any(axis=1),
    }
    if export == "sft":
        faults["its prompt is not that of its record"] = side.prompts != records.prompts[places]
    if export == "preference":
        forms = records.forms[places]
        faults["its prompt is not that of its record"] = (forms != 0) & (side.prompts != forms)
    return faults
