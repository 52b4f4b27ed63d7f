"""Reading an export's file again: only what a wall judges by, a batch at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

from millrace.distillation.texts import whole
from millrace.errors import LeakError
from millrace.records.evidence import Export

_BATCH_ROWS = 20_000
_BLOCK_BYTES = 4 * 2**20

_TEXT = pa.string()
_PROVENANCE = pa.struct([("sig_hash", _TEXT)])
_MESSAGES = pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))
_COLUMNS: dict[Export, dict[str, pa.DataType]] = {
    "rag": {"evidence_id": _TEXT, "tenant_id": _TEXT, "text": _TEXT, "category": _TEXT, "provenance": _PROVENANCE},
    "sft": {
        "evidence_id": _TEXT,
        "tenant_id": _TEXT,
        "messages": _MESSAGES,
        "category": _TEXT,
        "provenance": _PROVENANCE,
    },
    "preference": {
        "chosen_id": _TEXT,
        "rejected_id": _TEXT,
        "tenant_id": _TEXT,
        "prompt": _MESSAGES,
        "chosen": _MESSAGES,
        "rejected": _MESSAGES,
        "chosen_category": _TEXT,
        "rejected_category": _TEXT,
        "provenance": _PROVENANCE,
        "rejected_provenance": _PROVENANCE,
    },
}


def written_rows(export: Export, path: Path) -> Iterator[dict[str, pa.Array]]:
    """The file's rows in order: the columns a wall judges by, each one array, null where the file has no value.

    Args:
        path: a file named ``*.jsonl`` or ``*.parquet``.

    Raises:
        LeakError: the file cannot be read, or a column is missing: what cannot be checked must not leave.
    """
    columns = _COLUMNS[export]
    try:
        tables = _parquet(path, columns) if path.suffix == ".parquet" else _jsonl(path, columns)
        for table in tables:
            yield judged_columns(export, table)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise LeakError(f"{path} cannot be checked, so nothing is published: {error}", file=str(path)) from error


def judged_columns(export: Export, rows: pa.Table) -> dict[str, pa.Array]:
    """The columns of written rows that a wall judges by, each one array.

    Raises:
        KeyError, pyarrow.ArrowException: a column is missing, or cannot be read as what it should be.
    """
    columns = _COLUMNS[export]
    cast = rows.select(list(columns)).cast(pa.schema(columns.items()))
    return whole(cast)


def place_of(path: Path, row: int) -> str:
    """How people find a row of the file: "line 17" or "row 17", from 1; blank lines count."""
    if path.suffix == ".parquet":
        return f"row {row + 1}"
    with path.open("rb") as stream:
        filled = (number for number, line in enumerate(stream, 1) if line.strip())
        return f"line {next((number for at, number in enumerate(filled) if at == row), row + 1)}"


def _parquet(path: Path, columns: dict[str, Any]) -> Iterator[pa.Table]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(columns)):
            yield pa.Table.from_batches([batch])


def _jsonl(path: Path, columns: dict[str, Any]) -> Iterator[pa.Table]:
    longest = _longest_line(path)
    if longest == 0:
        return
    reader = pj.open_json(
        path,
        read_options=pj.ReadOptions(block_size=max(_BLOCK_BYTES, longest + 1), use_threads=False),
        parse_options=pj.ParseOptions(
            explicit_schema=pa.schema(columns.items()), unexpected_field_behavior="ignore", newlines_in_values=False
        ),
    )
    with reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _longest_line(path: Path) -> int:
    """In bytes, without its end; 0 for a file of blank lines."""
    longest = 0
    carried = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 10)
            if len(ends) == 0:
                carried += len(block)
                continue
            longest = max(longest, carried + int(ends[0]), int(np.diff(ends).max(initial=1)) - 1)
            carried = len(block) - int(ends[-1]) - 1
    return max(longest, carried)
