import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.errors import BadInputError
from millrace.records.base import Record

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15)


class Point(Record):
    x: float
    at: datetime | None = None


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    assert canonical_json({"b": [1, 2], "a": {"d": None, "c": True}}) == b'{"a":{"c":true,"d":null},"b":[1,2]}'


def test_the_hash_is_sha256_of_the_bytes() -> None:
    # printf '{}' | sha256sum
    assert sha256_json({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_a_record_counts_by_its_json_form_wherever_it_stands() -> None:
    point = Point(x=1.5, at=datetime(2026, 11, 9, tzinfo=UTC))
    assert canonical_json({"p": [point]}) == b'{"p":[{"at":"2026-11-09T00:00:00Z","x":1.5}]}'
    assert sha256_json(point) == sha256_json(point.model_dump(mode="json"))


def test_order_of_keys_does_not_matter_and_order_of_items_does() -> None:
    assert sha256_json({"a": 1, "b": 2}) == sha256_json({"b": 2, "a": 1})
    assert sha256_json([1, 2]) != sha256_json([2, 1])


@pytest.mark.parametrize(("first", "second"), [(1, True), (1, "1"), (1, 1.0), (None, "null"), ([], {}), ("", None)])
def test_values_of_different_type_do_not_hash_alike(first: Any, second: Any) -> None:
    assert sha256_json(first) != sha256_json(second)


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], {"a": {1, 2}}, b"bytes", datetime(2026, 1, 1)])
def test_what_json_has_not_is_refused(value: Any) -> None:
    with pytest.raises(BadInputError, match="cannot be written as canonical JSON"):
        canonical_json(value)


@given(VALUES)
def test_what_is_written_reads_back_and_writes_the_same(value: Any) -> None:
    written = canonical_json(value)
    assert json.loads(written) == value
    assert canonical_json(json.loads(written)) == written
