"""Published exports hashed again; of a file that differs, the first line or row that does."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from apps.cli.lineage_run import PUBLISHING, published_files
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.export_files import JSONL_FILE, PARQUET_FILE, ExportedFile, file_sha256
from millrace.distillation.export_form import COLUMNS, JsonLines, exported
from millrace.errors import MillraceError
from millrace.records.evidence import Export
from millrace.records.receipt import Receipt
from tasks.home import Home


def publications(receipts: list[Receipt]) -> list[Receipt]:
    """The receipts of steps that published exports."""
    return [receipt for receipt in receipts if receipt.step == PUBLISHING]


def check_published(home: Home, receipt: Receipt) -> Iterator[tuple[ExportedFile, str | None]]:
    """Every file that was published, with what is wrong with it; None where nothing is, ``""`` where it is gone."""
    for file in published_files(receipt):
        path = home.root / file.name
        if not path.is_file():
            yield file, ""
            continue
        found = file_sha256(path)
        yield file, None if found == file.sha256 else f"{found}; {first_difference(home, receipt, path)}"


def first_difference(home: Home, receipt: Receipt, path: Path) -> str:
    """Where a published file first differs from the dataset that it was written from, in words."""
    try:
        parts = _stored_parts(home, receipt, path)
        if parts is None:
            return "there is no dataset to compare it with"
        return _first_line(path, parts) if path.name == JSONL_FILE else _first_row(path, parts)
    except (MillraceError, ValidationError, pa.ArrowException, OSError) as error:
        return f"it could not be compared row by row: {error}"


def _stored_parts(home: Home, receipt: Receipt, path: Path) -> Iterator[pa.Table] | None:
    """The rows as the file should have them; None for a card."""
    export: Export | None = next((each for each in COLUMNS if each == path.parent.name), None)
    given = receipt.arguments.get(str(export))
    if export is None or given is None or path.name not in (JSONL_FILE, PARQUET_FILE):
        return None
    dataset = home.datasets.open(DatasetRef.model_validate(given))
    return (exported(export, part) for part in dataset.parts())


def _first_line(path: Path, parts: Iterator[pa.Table]) -> str:
    lines = JsonLines()
    expected = (line for part in parts for line in bytes(lines.of(part)).splitlines(keepends=True))
    with path.open("rb") as found:
        for number, (stored, line) in enumerate(zip_longest(expected, found), 1):
            if line is None:
                return f"line {number} and what follows it is not there"
            if stored is None:
                return f"line {number} was added"
            if stored != line:
                return f"line {number} is the first that differs"
    return "every line is that of its row"


def _first_row(path: Path, parts: Iterator[pa.Table]) -> str:
    file = pq.ParquetFile(path)
    groups = (file.read_row_group(index) for index in range(file.num_row_groups))
    for number, (stored, row) in enumerate(zip_longest(_rows(parts), _rows(groups)), 1):
        if stored != row:
            return f"row {number} is the first that differs"
    return "every row is that of the dataset: the form of the file differs"


def _rows(tables: Iterator[pa.Table]) -> Iterator[dict[str, Any]]:
    return (row for table in tables for batch in table.to_batches(max_chunksize=1000) for row in batch.to_pylist())
