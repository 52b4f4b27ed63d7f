"""The value hash: equal for equal values however they are laid out, different otherwise."""

from datetime import UTC, datetime
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.values import table_hash, value_bytes
from millrace.errors import BadInputError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | TEXT,
        "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "flag": st.none() | st.booleans(),
        "time": st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
        "items": st.none() | st.lists(st.none() | TEXT, max_size=3),
        "pair": st.none() | st.fixed_dictionaries({"a": st.none() | TEXT, "b": st.none() | st.integers(0, 9)}),
    }
)
SCHEMA = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("number", pa.float64()),
        pa.field("count", pa.int64()),
        pa.field("flag", pa.bool_()),
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("items", pa.list_(pa.string())),
        pa.field("pair", pa.struct([("a", pa.string()), ("b", pa.int64())])),
    ]
)


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@given(st.lists(ROW, max_size=8), st.integers(0, 8))
def test_chunking_and_slicing_change_nothing(rows: list[dict[str, object]], cut: int) -> None:
    whole = table(rows)
    chunked = pa.concat_tables([table(rows[:cut]), table(rows[cut:])])
    padded = table([*rows[:1], *rows, *rows[:1]]).slice(len(rows[:1]), len(rows))
    assert table_hash(chunked) == table_hash(whole) == table_hash(padded)
    assert value_bytes(chunked) == value_bytes(whole) == value_bytes(padded)


@given(st.lists(ROW, min_size=1, max_size=4), st.lists(ROW, min_size=1, max_size=4))
def test_different_values_hash_differently(first: list[dict[str, object]], second: list[dict[str, object]]) -> None:
    same = table(first).equals(table(second))
    assert (table_hash(table(first)) == table_hash(table(second))) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([["a", "b"]], [["a"], ["b"]]),
        (["ab", "c"], ["a", "bc"]),
        ([""], [None]),
        ([[]], [None]),
        ([0], [None]),
    ],
)
def test_boundaries_and_nulls_count(one: list[object], other: list[object]) -> None:
    kind = pa.array([value for value in one if value is not None]).type
    if kind == pa.list_(pa.null()):
        kind = pa.list_(pa.string())
    assert table_hash(pa.table({"x": pa.array(one, kind)})) != table_hash(pa.table({"x": pa.array(other, kind)}))


def test_names_and_types_count() -> None:
    numbers = pa.array([1, 2])
    assert table_hash(pa.table({"a": numbers})) != table_hash(pa.table({"b": numbers}))
    assert table_hash(pa.table({"a": numbers})) != table_hash(pa.table({"a": numbers.cast(pa.float64())}))


def test_negative_zero_is_zero_and_nan_is_refused() -> None:
    assert table_hash(pa.table({"a": [0.0]})) == table_hash(pa.table({"a": [-0.0]}))
    with pytest.raises(BadInputError, match="NaN"):
        table_hash(pa.table({"a": [float("nan")]}))


def test_the_hash_of_a_known_table_never_changes() -> None:
    # Pinned: a change here makes every stored dataset unreadable and needs a migration.
    rows = [{"text": "a", "number": 0.5, "count": 1, "flag": True, "time": datetime(2026, 1, 1, tzinfo=UTC)}]
    assert table_hash(table([{**rows[0], "items": ["x", None], "pair": {"a": None, "b": 3}}])) == (
        "75920bdce4388e1d9a588856fc6adc00f8079e2131272745c48a1821fe496f80"
    )


@given(st.lists(st.none() | st.text(max_size=3), max_size=20), st.integers(0, 20))
def test_the_digest_is_over_lengths_and_bytes_whether_or_not_there_are_nulls(
    texts: list[str | None], start: int
) -> None:
    values = texts[start:]
    n_bytes = np.array([len((text or "").encode()) for text in values], dtype="<i8")
    valid = np.packbits(np.array([text is not None for text in values], dtype=np.bool_))
    count = len(values).to_bytes(8, "little")
    content = b"".join([count, b"a\0string\0", count, valid, n_bytes, *((text or "").encode() for text in values)])
    column = pa.array(texts, pa.string()).slice(start)
    assert table_hash(pa.table({"a": column})) == sha256(content).hexdigest()
    whole = pa.array([len(text) if text is not None else None for text in texts], pa.int64()).slice(start)
    numbers = np.array([len(text or "") for text in values], dtype="<i8")
    content = b"".join([count, b"n\0int64\0", count, valid, numbers])
    assert table_hash(pa.table({"n": whole})) == sha256(content).hexdigest()
