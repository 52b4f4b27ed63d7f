"""Ids that an earlier row had, over part boundaries."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from millrace.distillation.duplicates import repeated


def test_the_first_row_with_an_id_stays_whatever_part_it_is_in() -> None:
    parts = [pa.array(["a", "b"]), pa.array([], pa.string()), pa.array(["b", "c", "a"])]
    assert repeated(parts).tolist() == [False, False, True, False, True]
    assert repeated([]).tolist() == []


@given(st.lists(st.lists(st.sampled_from(["a", "A", "a ", "b", "ab", ""]), max_size=5), max_size=5))
def test_it_is_what_a_set_says(parts: list[list[str]]) -> None:
    seen: set[str] = set()
    expected = [each in seen or seen.add(each) is not None for part in parts for each in part]
    assert repeated(pa.array(part, pa.string()) for part in parts).tolist() == expected
