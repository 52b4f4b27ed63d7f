"""Rows in published files: finding one, and comparing it with the dataset it was written from."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.cli.lineage_hops import Hop, compared, differing, missing
from apps.cli.lineage_run import DistillRun
from millrace.datasets.dataset import Dataset
from millrace.distillation.export_files import JSONL_FILE, ExportedFile, file_sha256
from millrace.distillation.export_form import COLUMNS, exported
from millrace.errors import BadInputError, MillraceError, NotFoundError
from millrace.records.evidence import Export

_PLACE = re.compile(r"(?P<path>.+\.(?:jsonl|parquet)):(?P<number>[0-9]+)")
Row = dict[str, Any]


@dataclass(frozen=True)
class RowPlace:
    """A row of a file; ``number`` counts from 1, lines and rows of Parquet alike."""

    path: Path
    number: int

    @classmethod
    def parse(cls, text: str) -> "RowPlace | None":
        """``file.jsonl:LINE`` or ``file.parquet:ROW``; None for what has not that form."""
        match = _PLACE.fullmatch(text)
        return cls(Path(match["path"]), int(match["number"])) if match else None

    def read(self) -> Row:
        """The row as the file has it.

        Raises:
            NotFoundError: no such file, or it has not so many rows.
            BadInputError: the row cannot be read.
        """
        if not self.path.is_file():
            raise NotFoundError(f"no file {self.path}", file=str(self.path))
        found = next(self._rows(), None) if self.number else None
        if found is None:
            raise NotFoundError(f"{self.path} has no row {self.number}; rows count from 1", file=str(self.path))
        return found

    def _rows(self) -> Iterator[Row]:
        """From the row on."""
        try:
            if self.path.suffix == ".jsonl":
                with self.path.open("rb") as lines:
                    for line in islice(lines, self.number - 1, None):
                        yield _object(line)
            else:
                yield from _parquet_rows(self.path, self.number - 1)
        except (ValueError, RecursionError, OSError, pa.ArrowException) as error:
            raise BadInputError(
                f"{self.path} row {self.number} cannot be read: {error}", file=str(self.path), row=self.number
            ) from error


def export_of(row: Row) -> Export | None:
    """Which export a row looks like: the one most of whose columns it has."""
    shared = {export: len({*row} & {*columns}) / len(columns) for export, columns in COLUMNS.items()}
    best = max(shared, key=lambda export: shared[export])
    return best if shared[best] > 0.5 else None


def stored_row(export: Export, dataset: Dataset, index: int) -> Row | None:
    """A row of the export's dataset as its files should have it; None where it has not so many.

    Raises:
        DamagedDatasetError: the part that holds it is not what was written.
    """
    rows = exported(export, dataset.read_rows(index, index + 1)).to_pylist()
    return rows[0] if rows else None


def check_file(file: ExportedFile, path: Path) -> Hop:
    """The whole file against the receipt that published it."""
    subject, check = f"export file {path}", "sha256 in the publish-exports receipt"
    if not path.is_file():
        return missing(subject, check, "it is not there any more", file.sha256)
    return compared(subject, check, file.sha256, file_sha256(path))


def check_line(run: DistillRun, export: Export, index: int) -> Iterator[Hop]:
    """A row of an export, looked for in the published file of lines; nothing where none was published."""
    for file in run.files:
        if file.name.endswith(f"/{export}/{JSONL_FILE}"):
            path = run.home.root / file.name
            yield check_file(file, path)
            if path.is_file():
                yield compare_row(RowPlace(path, index + 1), run.rows(export), export)


def compare_row(place: RowPlace, dataset: Dataset, export: Export, row: Row | None = None) -> Hop:
    """A row of a file against the row of the dataset that it was written from; ``row`` where it was read before."""
    subject, check = f"row {place.number} of {place.path.name}", f"row {place.number - 1} of {dataset.ref.name}"
    try:
        stored = stored_row(export, dataset, place.number - 1)
        found = row or place.read()
    except MillraceError as error:
        return Hop(subject=subject, check=check, status="different", found=str(error))
    if stored is None:
        rows = f"the dataset has {dataset.ref.rows} rows"
        return Hop(subject=subject, check=check, status="different", found=rows)
    names = differing(stored, found)
    if not names:
        return Hop(subject=subject, check=check, status="same")
    return Hop(
        subject=subject,
        check=check,
        status="different",
        expected=_excerpt(stored, names[0]),
        found=f"{_excerpt(found, names[0])}; fields that differ: {', '.join(names)}",
    )


def _excerpt(row: Row, name: str) -> str:
    return f"{name}: {json.dumps(row.get(name), ensure_ascii=False)[:200]}"


def _object(line: bytes) -> Row:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    return row


def _parquet_rows(path: Path, start: int) -> Iterator[Row]:
    file, first = pq.ParquetFile(path), 0
    for group in range(file.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        if start < first + n_rows:
            yield from file.read_row_group(group).slice(max(start - first, 0)).to_pylist()
        first += n_rows
