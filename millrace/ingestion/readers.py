"""Reads JSONL, JSON and Parquet files row by row, in batches of bounded size."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion.json_array import array_elements, go_to_list, is_array, is_document
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


def read_rows(path: Path, lists: Sequence[str] = ()) -> Iterator[list[Row]]:
    """The rows of a file in file order, at most 10 000 or 64 MiB a batch.

    ``.parquet`` is read as Parquet, ``.json`` that begins with ``[`` as a JSON array, ``.json`` that is one object as
    that row, everything else as one JSON text a line. A row over 16 MiB is never held in memory and comes as an
    ``UnreadableRow``. Blank lines are left out and counted.

    Args:
        lists: of a file that is one object whose first field is a list of one of these names, the elements are the
        rows.

    Raises:
        NotFoundError: no such file.
        BadInputError: a Parquet file that cannot be opened.
    """
    if path.suffix == ".parquet" and path.is_file():
        yield from _parquet_batches(path)
    else:
        yield from batches(sized_rows(path, lists))


def sized_rows(path: Path, lists: Sequence[str] = ()) -> Iterator[tuple[int, Row]]:
    """The rows of a file of JSON texts one by one, each with its size in bytes; otherwise as :func:`read_rows`."""
    if not path.is_file():
        raise NotFoundError(f"no file {path.name}", file=path.name)
    with path.open("rb") as file:
        for line, content in _json_rows(file, lists) if path.suffix == ".json" else _lines(file):
            if isinstance(content, UnreadableRow):
                yield 0, content
            elif content.strip():
                yield len(content), RawRow(line, content)


def _json_rows(file: BinaryIO, lists: Sequence[str]) -> Iterator[tuple[int, bytes | UnreadableRow]]:
    if is_array(file):
        return array_elements(file)
    if not is_document(file):
        return _lines(file)
    return array_elements(file, alone=False) if go_to_list(file, lists) else _document(file)


def _document(file: BinaryIO) -> Iterator[tuple[int, bytes | UnreadableRow]]:
    document = RowBytes()
    for piece in iter(lambda: file.read(CHUNK_BYTES), b""):
        document.add(piece if document.n_bytes else piece.removeprefix(_BYTE_ORDER_MARK))
    content = document.take(1)
    yield 1, content.strip() if isinstance(content, bytes) else content


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


def batches(rows: Iterable[tuple[int, Row]]) -> Iterator[list[Row]]:
    """Rows, each given with its size in bytes, in batches of at most 10 000 rows or 64 MiB."""
    batch: list[Row] = []
    n_bytes = 0
    for size, row in rows:
        if batch and (len(batch) == MAX_BATCH_ROWS or n_bytes + size > MAX_BATCH_BYTES):
            yield batch
            batch, n_bytes = [], 0
        batch.append(row)
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
