"""What single sources make of a row's value."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from millrace.distillation.stream_rows import object_of
from millrace.distillation.stream_sources import MarkerSource, scalar_text
from millrace.errors import BadInputError
from millrace.methods.field_paths import Ambiguous, FieldPath

SOURCE: TypeAdapter[Any] = TypeAdapter(MarkerSource)


def value(source: object, row: dict[str, object]) -> object:
    return SOURCE.validate_python(source).value(row, "m")


@pytest.mark.parametrize(
    ("source", "row", "expected"),
    [
        ("a.b", {"a": {"b": 4.0}}, 4),
        ("a.b", {"a": 7}, None),
        ('["a.b"]', {"a.b": "x"}, "x"),
        ("a[-1].b", {"a": [{"b": 1}, {"b": 2}]}, 2),
        ("a[3]", {"a": [1]}, None),
        ({"path": "a", "default": "none"}, {"a": None}, "none"),
        ({"path": "a", "values": {"yes": True}}, {"a": "yes"}, True),
        ({"path": "a", "values": {"4": "four"}}, {"a": 4.0}, "four"),
        ({"template": "{a}:{b.c}!"}, {"a": "x", "b": {"c": 2}}, "x:2!"),
        ({"template": "{a}:{b}"}, {"a": "x"}, None),
        ({"first": ["a", "b", {"constant": "c"}]}, {"b": 0}, 0),
        ({"first": ["a", "b"]}, {}, None),
        ({"path": "a", "aggregate": "mean"}, {"a": {"p": [1, None], "q": {"r": "2.5"}}}, 1.75),
        ({"path": "a", "aggregate": "max"}, {"a": [1, 4.0, 2]}, 4),
        ({"path": "a", "aggregate": "n"}, {"a": [None]}, 0),
        ({"path": "a", "aggregate": "min"}, {"a": []}, None),
        ({"path": "a", "aggregate": "n"}, {}, None),
    ],
)
def test_a_source_finds_its_value(source: object, row: dict[str, object], expected: object) -> None:
    found = value(source, row)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("source", "row", "reason"),
    [
        ("a", {"a": []}, "wrong_type"),
        ("a", {"a": 10**400}, "out_of_range"),
        ("a", {"a": float("inf")}, "out_of_range"),
        ({"path": "a", "values": {"yes": "y"}}, {"a": "maybe"}, "unmapped_value"),
        ({"template": "{a}"}, {"a": 0.5}, "wrong_type"),
        ({"template": "{a}"}, {"a": True}, "wrong_type"),
        ({"path": "a", "aggregate": "min"}, {"a": 3}, "wrong_type"),
        ({"path": "a", "aggregate": "min"}, {"a": ["three"]}, "wrong_type"),
        ({"path": "a", "aggregate": "min"}, {"a": [True]}, "wrong_type"),
        ({"path": "a", "aggregate": "mean"}, {"a": [1.7e308, 1.7e308]}, "out_of_range"),
        ({"path": "a", "aggregate": "n"}, {"a": Ambiguous({"p": 1}, frozenset("p"))}, "duplicate_key"),
    ],
)
def test_a_value_without_a_meaning_is_refused_without_being_shown(
    source: object, row: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        value(source, row)
    assert caught.value.details["reason"] == reason
    assert "maybe" not in str(caught.value)


def test_a_key_that_stands_twice_matters_where_it_is_read() -> None:
    row = object_of(b'{"a": {"b": 1, "b": 1, "c": 2}, "d": 1}')
    assert FieldPath.parse("a.c").look_up(row) == 2
    assert FieldPath.parse("d").look_up(row) == 1
    with pytest.raises(BadInputError, match="'b' stands twice"):
        FieldPath.parse("a.b").look_up(row)


@pytest.mark.parametrize("text", ["", ".a", "a.", "a[", "a{b}", "a[x]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        FieldPath.parse(text)


def test_a_scalar_is_written_in_one_way() -> None:
    assert [scalar_text(each) for each in (True, 4, 4.0, -0.0, 0.1, 1e22, "x")] == [
        "true", "4", "4", "0", "0.1", "1e+22", "x",
    ]  # fmt: skip
