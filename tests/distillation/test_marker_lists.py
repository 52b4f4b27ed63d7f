"""Markers as columns become each record's list, written as single markers are."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.distillation.evidence import marker
from millrace.distillation.marker_lists import MarkerColumn, column, last_of_each, marker_lists, one_column_each

VALUES = (
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=6)
    | st.lists(st.none() | st.text(max_size=3), max_size=6)
    | st.lists(st.none() | st.booleans(), max_size=6)
    | st.lists(st.none() | st.integers(-9, 9), max_size=6)
)


def places(*numbers: int) -> Any:
    return np.array(numbers, dtype=np.int64)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_each_record_has_its_markers_in_the_order_of_the_columns(values: list[list[Any]]) -> None:
    n_rows = 6
    columns = [column(f"m{place}", np.arange(len(each)), pa.array(each)) for place, each in enumerate(values) if each]
    named = [(f"m{place}", each) for place, each in enumerate(values) if each]
    expected = [
        [marker(name, each[row]) for name, each in named if row < len(each) and each[row] is not None]
        for row in range(n_rows)
    ]
    assert marker_lists(columns, n_rows).to_pylist() == expected


def test_words_may_be_dictionaries() -> None:
    words = column("status", places(0, 2), pa.array(["ok", "failed"]).dictionary_encode())
    assert marker_lists([words], 3).to_pylist() == [[marker("status", "ok")], [], [marker("status", "failed")]]


@pytest.mark.parametrize("name", ["", "x" * 513])
def test_a_name_that_no_marker_may_have_is_left_out(name: str) -> None:
    assert marker_lists([column(name, places(0), pa.array([1.0]))], 1).to_pylist() == [[]]
    assert len(marker_lists([column("x" * 512, places(0), pa.array([1.0]))], 1).to_pylist()[0]) == 1


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [((0, 3, 4, 9), [(1, "b"), (3, "c")]), ((2, 4), []), ((), []), ((1, 3, 9), [(0, "a"), (1, "b"), (2, "c")])],
)
def test_a_column_at_some_records_is_numbered_by_them(wanted: tuple[int, ...], expected: list[Any]) -> None:
    found = MarkerColumn("m", places(1, 3, 9), pa.array(["a", "b", "c"])).at(places(*wanted))
    assert list(zip(found.places.tolist(), found.values.to_pylist(), strict=True)) == expected


def test_of_one_place_the_last_counts_and_unknown_places_do_not() -> None:
    assert last_of_each(places(4, -1, 2, 4, -1)).tolist() == [2, 3]
    assert last_of_each(places()).tolist() == []


def test_a_column_each_name_with_the_first_value_of_a_record() -> None:
    names, values = pa.array(["b", "a", "b", "b", "a"]), pa.array([1.0, 2.0, 3.0, None, 5.0])
    found = one_column_each("s.", places(0, 0, 0, 1, 1), names, values)
    assert [(each.name, each.places.tolist(), each.values.to_pylist()) for each in found] == [
        ("s.a", [0, 1], [2.0, 5.0]),
        ("s.b", [0], [1.0]),
    ]
    assert one_column_each("s.", places(), pa.array([], pa.string()), pa.array([], pa.float64())) == []
