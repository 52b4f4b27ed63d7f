"""Reads JSONL, JSON and Parquet files row by row, in batches of bounded size."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion.json_array import array_elements, is_array
from millrace.ingestion.row_bytes import CHUNK_BYTES, RowBytes, UnreadableRow

MAX_BATCH_ROWS = 10_000
MAX_BATCH_BYTES = 64 * 2**20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as read: the bytes of a JSON text, or the columns of a table. ``line`` counts from 1."""

    line: int
    content: bytes | dict[str, object]

    @property
    def row_hash(self) -> str:
        """sha256 of the bytes; of a table's row, of its columns as JSON with sorted keys."""
        if isinstance(self.content, bytes):
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha256(json.dumps(self.content, sort_keys=True, default=str).encode()).hexdigest()


Row = RawRow | UnreadableRow


def read_rows(path: Path) -> Iterator[list[Row]]:
    """The rows of a file in file order, at most 10 000 or 64 MiB a batch.

    ``.parquet`` is read as Parquet, ``.json`` that begins with ``[`` as a JSON array, everything else as one JSON text
    a line. A row over 16 MiB is never held in memory and comes as an ``UnreadableRow``. Blank lines are left out and
    counted.

    Raises:
        NotFoundError: no such file.
        BadInputError: a Parquet file that cannot be opened.
    """
    if not path.is_file():
        raise NotFoundError(f"no file {path.name}", file=path.name)
    if path.suffix == ".parquet":
        yield from _parquet_batches(path)
        return
    with path.open("rb") as file:
        array = path.suffix == ".json" and is_array(file)
        rows = array_elements(file) if array else _lines(file)
        yield from _batches(rows)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | UnreadableRow]]:
    line = RowBytes()
    number = 0
    while piece := file.readline(CHUNK_BYTES):
        if number == 0 and line.n_bytes == 0:
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
        line.add(piece.removesuffix(b"\n"))
        if piece.endswith(b"\n"):
            number += 1
            yield number, line.take(number)
    yield number + 1, line.take(number + 1)


def _batches(rows: Iterable[tuple[int, bytes | UnreadableRow]]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    n_bytes = 0
    for line, content in rows:
        if isinstance(content, bytes) and not content.strip():
            continue
        size = len(content) if isinstance(content, bytes) else 0
        if batch and (len(batch) == MAX_BATCH_ROWS or n_bytes + size > MAX_BATCH_BYTES):
            yield batch
            batch, n_bytes = [], 0
        batch.append(RawRow(line, content) if isinstance(content, bytes) else content)
        n_bytes += size
    if batch:
        yield batch


def _parquet_batches(path: Path) -> Iterator[list[Row]]:
    try:
        with pq.ParquetFile(path) as file:
            line = 1
            for table in file.iter_batches(batch_size=_rows_per_batch(file.metadata)):
                rows = table.to_pylist()
                yield [RawRow(line + offset, row) for offset, row in enumerate(rows)]
                line += len(rows)
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(f"{path.name}: not a readable Parquet file: {error}", file=path.name) from error


def _rows_per_batch(metadata: "pq.FileMetaData") -> int:
    """Rows that stay within the byte limit at the mean row size of the widest row group."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // max(1, widest)))
