"""Where a dataset is cut: at 10 000 rows or 64 MiB of values, whichever comes first, never by time."""

from collections.abc import Iterator

import pyarrow as pa

from millrace.datasets.values import value_bytes

PART_ROWS = 10_000
PART_BYTES = 64 * 2**20


def cut(table: pa.Table, *, max_rows: int = PART_ROWS, max_bytes: int = PART_BYTES) -> Iterator[pa.Table]:
    """Consecutive slices within both limits, each in one piece; no rows, no parts.

    A row larger than the limit is a part of its own.
    """
    start = 0
    while start < table.num_rows:
        length = _longest(table.slice(start, max_rows), max_bytes)
        yield table.slice(start, length).combine_chunks()
        start += length


def _longest(window: pa.Table, max_bytes: int) -> int:
    """The largest number of leading rows within the limit, at least one."""
    if value_bytes(window) <= max_bytes:
        return int(window.num_rows)
    low, high = 1, window.num_rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if value_bytes(window.slice(0, middle)) <= max_bytes else (low, middle)
    return low
