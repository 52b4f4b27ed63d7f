"""The third wall over all exports at once: one pass over the evidence that proves every written row, or proves nothing.

It compares values where :func:`millrace.distillation.walls.check_written` compares keys, which is several times as
fast, and asks for more: both files of an export hold the same, and the rows of rag and sft stand in the order of the
evidence, as exporters leave them. It never says what is wrong: then ``check_written`` judges file by file.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.claimed_files import KnownFiles
from millrace.distillation.config import ExportConfig
from millrace.distillation.duplicates import repeated_keys
from millrace.distillation.export_files import JSONL_FILE, PARQUET_FILE
from millrace.distillation.judged_records import (
    KEYED_COLUMNS,
    JudgedRecords,
    RecordKeys,
    Records,
    record_keys,
    sorted_keys,
)
from millrace.distillation.texts import Integers, Keys, Mask, bools, column_keys, row_indices
from millrace.distillation.walls import allowed_categories, check_written, faults_between, side_faults
from millrace.distillation.written_rows import judged_columns
from millrace.distillation.written_sides import content, content_faults, joined_sides, written_sides
from millrace.distillation.written_twice import equal_rows
from millrace.errors import LeakError
from millrace.records.evidence import Export

_Batch = dict[str, pa.Array]
_Batches = Iterator[_Batch]


def check_exports(
    folder: Path,
    exports: Sequence[Export],
    judged: JudgedRecords,
    config: ExportConfig,
    known_files: KnownFiles | None = None,
    workers: int = 2,
) -> None:
    """Read the data files of exports, each in its folder below ``folder``, and stop at a row that must not be there.

    Holds 16 bytes a record of the evidence, 8 a written row, 260 a pair, and a few batches of rows.

    Args:
        judged: the evidence; read once where nothing is wrong.
        known_files: the files that exist, where the exports were made with them.

    Raises:
        LeakError: names file, line or row (from 1), record, and what is wrong with it.
    """
    if proved(folder, exports, judged, config, known_files, workers):
        return
    for export in exports:
        for name in (JSONL_FILE, PARQUET_FILE):
            check_written(export, folder / export / name, judged, config, known_files)


def proved(
    folder: Path,
    exports: Sequence[Export],
    judged: JudgedRecords,
    config: ExportConfig,
    known_files: KnownFiles | None = None,
    workers: int = 2,
) -> bool:
    """Whether all written rows are shown to be right; where not, something is wrong, or only unusual."""
    try:
        with ThreadPoolExecutor(workers) as pool:
            written = {export: _ahead(pool, _read(export, folder / export)) for export in exports}
            followers: list[_InOrder | _Pairs] = [
                _Pairs(written[export], config)
                if export == "preference"
                else _InOrder(export, written[export], allowed_categories(export, config)[0])
                for export in exports
            ]
            ids = [np.zeros((0, 2), dtype=np.uint64)]
            for records in _ahead(pool, judged.records(known_files)):
                ids.append(column_keys(records.columns["evidence_id"]))
                for follower in followers:
                    follower.follow(records, ids[-1])
            all_ids = np.concatenate(ids)
            for follower in followers:
                follower.finish(all_ids)
    except LeakError:
        return False
    return True


def _read(export: Export, folder: Path) -> _Batches:
    """Batches of rows that both files hold, with nothing wrong in what they say."""
    for rows in equal_rows(export, folder / JSONL_FILE, folder / PARQUET_FILE):
        batch = judged_columns(export, rows)
        _require(not _any(content_faults(export, batch)))
        yield batch


class _InOrder:
    """Written rows that each are one record, in the order of the evidence."""

    def __init__(self, export: Export, written: _Batches, allowed: list[str]) -> None:
        self._export = export
        self._written = written
        self._allowed = pa.array(allowed)
        self._waiting: _Batch | None = next(written, None)
        self._first = 0
        self._records: list[Integers] = [np.zeros(0, dtype=np.int64)]

    def follow(self, records: Records, _: Keys) -> None:
        """Compare the rows that are records of this part; those after them are of later parts."""
        ids = records.columns["evidence_id"]
        while (batch := self._waiting) is not None:
            places = pc.index_in(batch["evidence_id"].slice(0, len(ids)), value_set=ids)
            n_found = _n_leading(bools(places.is_valid()))
            if n_found == 0:
                break
            self._compare({name: column.slice(0, n_found) for name, column in batch.items()}, records, places[:n_found])
            n_left = len(batch["evidence_id"]) - n_found
            self._waiting = (
                {name: column.slice(n_found) for name, column in batch.items()} if n_left else next(self._written, None)
            )
        self._first += len(ids)

    def _compare(self, batch: _Batch, records: Records, places: pa.Array) -> None:
        rows = np.asarray(places.to_numpy(), dtype=np.int64)
        self._records.append(self._first + rows)
        _require(not records.faults[rows].any())
        claims = _claims(self._export, batch)
        _require(bools(pc.is_in(claims["category"], self._allowed)).all())
        for name, claimed in claims.items():
            _require(bools(pc.equal(claimed, records.columns[name].take(places))).all())

    def finish(self, all_ids: Keys) -> None:
        """Every row was found, none twice, and each is the first record with its id."""
        rows = np.concatenate(self._records)
        _require(self._waiting is None and (np.diff(rows) > 0).all() and not _repeated(all_ids)[rows].any())


class _Pairs:
    """Pairs, whose records stand anywhere: keys of both sides, compared with those of the records that they name."""

    def __init__(self, written: _Batches, config: ExportConfig) -> None:
        batches = [written_sides("preference", batch) for batch in written]
        self._sides = [joined_sides(list(parts)) for parts in zip(*batches, strict=True)]
        self._allowed = allowed_categories("preference", config)
        named = [side.ids[:, 0] for side in self._sides]
        self._named = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *named]))
        self._found: list[RecordKeys] = []

    def follow(self, records: Records, ids: Keys) -> None:
        """Keep what the records of this part say that a pair names."""
        rows = _members(ids[:, 0], self._named)
        taken = {name: records.columns[name].take(row_indices(rows)) for name in KEYED_COLUMNS}
        self._found.append(record_keys(taken, records.faults[rows]))

    def finish(self, _: Keys) -> None:
        """Both sides of every pair are what their records are, and they may be paired."""
        if not self._sides:
            return
        _require(not _any(faults_between("preference", self._sides)))
        records = sorted_keys(self._found)
        for side, allowed in zip(self._sides, self._allowed, strict=True):
            _require(not _any(side_faults("preference", side, records, allowed)))


def _claims(export: Export, batch: _Batch) -> _Batch:
    """What written rows say of the record that each claims to be, by the evidence's columns."""
    claims = {name: batch[name] for name in ("tenant_id", "category")}
    claims["sig_hash"] = pc.struct_field(batch["provenance"], "sig_hash")
    if export == "sft":
        return claims | {"text": content(batch["messages"]), "prompt": content(batch["messages"], back=1)}
    return claims | {"text": batch["text"]}


def _ahead(pool: ThreadPoolExecutor, items: Iterator[Any]) -> Iterator[Any]:
    """The items, of which one is under way on another thread while the one before it is looked at."""
    return _after(pool, items, pool.submit(next, items, None))


def _after(pool: ThreadPoolExecutor, items: Iterator[Any], upcoming: "Future[Any]") -> Iterator[Any]:
    while (item := upcoming.result()) is not None:
        upcoming = pool.submit(next, items, None)
        yield item


def _repeated(ids: Keys) -> Mask:
    ordered = np.sort(ids[:, 0])
    if (ordered[1:] != ordered[:-1]).all():  # several times as fast, and nearly always so
        return np.zeros(len(ids), dtype=np.bool_)
    return repeated_keys(ids)


def _members(numbers: Keys, ordered: Keys) -> Mask:
    """Whether each number is one of those in order."""
    if len(ordered) == 0:
        return np.zeros(len(numbers), dtype=np.bool_)
    found: Mask = ordered[np.searchsorted(ordered, numbers).clip(max=len(ordered) - 1)] == numbers
    return found


def _n_leading(mask: Mask) -> int:
    return len(mask) if mask.all() else int(np.argmin(mask))


def _any(faults: dict[str, Mask]) -> bool:
    return any(mask.any() for mask in faults.values())


def _require(holds: bool | np.bool_) -> None:
    if not holds:
        raise LeakError("not proved; this is never shown")
