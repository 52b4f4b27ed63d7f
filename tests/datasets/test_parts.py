"""Parts are cut by rows or bytes, and the cut depends on the values alone."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.parts import cut
from millrace.datasets.values import value_bytes


def texts(lengths: list[int]) -> pa.Table:
    return pa.table({"text": pa.array(["x" * length for length in lengths], pa.string())})


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 10), st.integers(6, 120))
def test_parts_are_within_both_limits_as_long_as_possible_and_lose_nothing(
    lengths: list[int], max_rows: int, max_bytes: int
) -> None:
    table = texts(lengths)
    parts = list(cut(table, max_rows=max_rows, max_bytes=max_bytes))
    assert pa.concat_tables([table.slice(0, 0), *parts]).equals(table)
    start = 0
    for part in parts:
        assert part.num_rows <= max_rows
        assert part.num_rows == 1 or value_bytes(part) <= max_bytes
        longer = table.slice(start, part.num_rows + 1)
        fits = longer.num_rows <= max_rows and value_bytes(longer) <= max_bytes
        assert longer.num_rows == part.num_rows or not fits
        start += part.num_rows


def test_ten_thousand_rows_make_one_part_and_one_more_makes_two() -> None:
    assert [part.num_rows for part in cut(texts([0] * 10_000))] == [10_000]
    assert [part.num_rows for part in cut(texts([0] * 10_001))] == [10_000, 1]
    assert list(cut(texts([]))) == []


def test_each_part_is_in_one_piece_however_the_table_was() -> None:
    table = pa.concat_tables([texts([1, 2, 3]), texts([4, 5])])
    assert [part.column("text").num_chunks for part in cut(table, max_rows=4)] == [1, 1]
