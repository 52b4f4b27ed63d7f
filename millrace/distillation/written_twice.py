"""The two files of an export read again beside each other: the lines must hold what the columns hold, row for row."""

from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

from millrace.distillation.export_form import exported_schema
from millrace.errors import LeakError
from millrace.records.evidence import Export

_BATCH_ROWS = 10_000
_HALF_BLOCK_BYTES = 2**18
_LOOK_BYTES = 2**13


def equal_rows(export: Export, lines: Path, columns: Path) -> Iterator[pa.Table]:
    """Rows of the Parquet file in order, all columns, given out once the lines are known to hold the same values.

    The lines are parsed by another library than the one that wrote them, and may hold no field besides.

    Raises:
        LeakError: a file cannot be read or has another form, or a row differs.
    """
    schema = exported_schema(export)
    beside = _Lines(lines, schema)
    try:
        with pq.ParquetFile(columns, pre_buffer=False) as file:  # buffered, a file is in memory whole
            for batch in file.iter_batches(_BATCH_ROWS):
                rows = pa.Table.from_batches([batch])
                if not beside.take(rows.num_rows).equals(rows):  # schemas too
                    raise LeakError(f"{lines} and {columns} differ", file=str(lines))
                yield rows
        if beside.take(1).num_rows:
            raise LeakError(f"{lines} has more rows than {columns}", file=str(lines))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise LeakError(f"{lines} cannot be compared with {columns}: {error}", file=str(lines)) from error


class _Lines:
    """Rows of a file of JSON, as many as are asked for."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._batches = _batches(path, schema)
        self._waiting: list[pa.RecordBatch] = []

    def take(self, n_rows: int) -> pa.Table:
        """The next rows; fewer where the file ends."""
        found, n_found = self._waiting, sum(batch.num_rows for batch in self._waiting)
        while n_found < n_rows and (batch := next(self._batches, None)) is not None:
            found.append(batch)
            n_found += batch.num_rows
        if not found:
            return self._schema.empty_table()
        rows = pa.Table.from_batches(found)
        self._waiting = rows.slice(n_rows).to_batches()
        return rows.slice(0, n_rows).cast(self._schema)


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if path.stat().st_size == 0:
        return
    reader = pj.open_json(
        path,
        read_options=pj.ReadOptions(block_size=2 * _half_block(path), use_threads=False),
        parse_options=pj.ParseOptions(
            explicit_schema=pa.schema([field.with_nullable(True) for field in schema]),
            unexpected_field_behavior="error",
            newlines_in_values=False,
        ),
    )
    with reader:
        yield from reader


def _half_block(path: Path) -> int:
    """Bytes of which two hold any line: each half of that size, from the file's beginning, has an end of a line."""
    half, n_bytes = _HALF_BLOCK_BYTES, path.stat().st_size
    with path.open("rb", buffering=0) as stream:  # mapped, the file would count as this process's memory
        while not all(_ends_a_line(stream, start, half) for start in range(0, n_bytes - half, half)):
            half *= 2
    return half


def _ends_a_line(stream: FileIO, start: int, n_bytes: int) -> bool:
    """Whether a line ends within so many bytes; lines are short, so little is read."""
    stream.seek(start)
    while n_bytes > 0 and (found := stream.read(min(n_bytes, _LOOK_BYTES))):
        if b"\n" in found:
            return True
        n_bytes -= len(found)
    return False
