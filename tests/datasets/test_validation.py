"""Columns are checked as pydantic would check rows."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from millrace.datasets.schema import arrow_schema, conform, rows_of, table_of
from millrace.datasets.shapes import shapes_of
from millrace.datasets.validation import bad_rows, checked, valid_rows
from millrace.errors import BadInputError
from millrace.records.base import Record
from millrace.records.kinds import KINDS


class Leaf(Record):
    name: Annotated[str, Field(min_length=1, max_length=3)]
    weight: float | None = None


class Tree(Record):
    code: Annotated[str, Field(pattern=r"^[a-c]+$")]
    kind: Literal["oak", "elm"] | None = None
    height: Annotated[int, Field(ge=0, lt=10)] = 0
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    leaves: Annotated[list[Leaf], Field(max_length=2)] = []
    best: Leaf | None = None
    tags: list[Annotated[str, Field(min_length=1)]] = []


NUMBER = st.none() | st.sampled_from([0.0, 0.5, 1.0, 1.5, -1.0, float("nan"), float("inf")])
LEAF = st.fixed_dictionaries({"name": st.none() | st.sampled_from(["", "a", "abc", "abcd", "äöü"]), "weight": NUMBER})
TREE = st.fixed_dictionaries(
    {
        "code": st.none() | st.sampled_from(["a", "abc", "", "d", "a d"]),
        "kind": st.none() | st.sampled_from(["oak", "ash"]),
        "height": st.none() | st.integers(-1, 11),
        "share": NUMBER,
        "leaves": st.none() | st.lists(LEAF, max_size=3),
        "best": st.none() | LEAF,
        "tags": st.none() | st.lists(st.none() | st.sampled_from(["", "x"]), max_size=2),
    }
)


def pydantic_takes(row: dict[str, Any]) -> bool:
    try:
        Tree.model_validate(row)
    except ValidationError:
        return False
    return True


@given(st.lists(TREE, min_size=1, max_size=6), st.integers(0, 3))
def test_columns_and_pydantic_say_the_same(rows: list[dict[str, Any]], start: int) -> None:
    nullable = conform(Tree, pa.Table.from_pylist(rows, schema=_loose()), nullable=True).slice(start)
    assert valid_rows(Tree, nullable).tolist() == [pydantic_takes(row) for row in rows[start:]]


def _loose() -> pa.Schema:
    leaf = pa.struct([("name", pa.string()), ("weight", pa.float64())])
    return pa.schema(
        [
            ("code", pa.string()),
            ("kind", pa.string()),
            ("height", pa.int64()),
            ("share", pa.float64()),
            ("leaves", pa.list_(leaf)),
            ("best", leaf),
            ("tags", pa.list_(pa.string())),
        ]
    )


def test_failing_rows_are_explained_by_pydantic() -> None:
    table = pa.Table.from_pylist(
        [{"code": "a"}, {"code": "x", "height": 12}], schema=pa.schema([("code", pa.string()), ("height", pa.int64())])
    )
    full = table_of(Tree, [Tree(code="a"), Tree(code="b")])
    broken = full.set_column(0, full.schema.field("code"), table.column("code"))
    assert [(row.index, row.message) for row in bad_rows(Tree, broken)] == [
        (1, "code: String should match pattern '^[a-c]+$'")
    ]
    with pytest.raises(BadInputError, match=r"1 of 2 rows are no Tree; row 1: code"):
        checked(Tree, broken)


def test_a_missing_and_an_unknown_column_are_named() -> None:
    with pytest.raises(BadInputError, match=r"missing columns \['code'.*unknown columns \['color'\]"):
        conform(Tree, pa.table({"color": ["red"]}))


def test_a_record_with_a_validator_of_its_own_is_refused() -> None:
    class Odd(Record):
        n: int

        @model_validator(mode="after")
        def check(self) -> "Odd":
            return self

    with pytest.raises(BadInputError, match="validators of its own"):
        shapes_of(Odd)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_an_arrow_schema_and_a_json_schema(kind: str) -> None:
    model = KINDS[kind].model
    assert arrow_schema(model).names == list(model.model_fields)
    assert model.model_json_schema()["additionalProperties"] is False


def test_rows_survive_a_table() -> None:
    rows = [Tree(code="a", best=Leaf(name="x", weight=0.5), tags=["t"]), Tree(code="b", leaves=[Leaf(name="y")])]
    assert rows_of(Tree, table_of(Tree, rows)) == rows


def test_times_are_utc_whatever_zone_they_came_in() -> None:
    class Moment(Record):
        at: datetime

    table = table_of(Moment, [Moment(at=datetime(2026, 1, 1, tzinfo=UTC))])
    assert table.column("at")[0].as_py() == datetime(2026, 1, 1, tzinfo=UTC)
    assert np.asarray(valid_rows(Moment, table)).all()


class Hashed(Record):
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{4}$")]


DIGITS = st.text(st.sampled_from("09af"), min_size=4, max_size=4)
OTHERS = st.sampled_from([None, "", "012", "01234", "/000", "000:", "`aaa", "aaag", "AAAA", "012\n", "\u00e901"])


@given(st.lists(DIGITS, max_size=4), st.lists(OTHERS, max_size=1), st.integers(0, 4), st.integers(0, 5))
def test_hashes_are_checked_as_their_pattern_says(
    hashes: list[str], others: list[str | None], place: int, start: int
) -> None:
    digests = [*hashes[:place], *others, *hashes[place:]]
    column = pa.array(digests, pa.string()).slice(start)
    expected = [each is not None and re.fullmatch("[0-9a-f]{4}", each) is not None for each in digests[start:]]
    assert valid_rows(Hashed, pa.table({"digest": column})).tolist() == expected


def test_a_column_in_several_pieces_is_checked_piece_by_piece() -> None:
    pieces = pa.chunked_array([["0123", "x"], [], ["45", "9abf"]], pa.string())
    assert valid_rows(Hashed, pa.table({"digest": pieces})).tolist() == [True, False, False, True]
