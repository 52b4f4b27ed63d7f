import pyarrow as pa

from millrace.statistics.counts import value_counts


def test_the_most_frequent_come_first_and_equal_ones_by_name() -> None:
    counted = value_counts(pa.chunked_array([["b", None, "c"], ["c", "a"]]))
    assert list(counted.items()) == [("c", 2), ("a", 1), ("b", 1)]


def test_nothing_is_counted_where_nothing_is() -> None:
    assert value_counts(pa.chunked_array([[None]], pa.string())) == {}
