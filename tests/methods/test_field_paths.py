"""Paths find what they say and nothing else."""

import pytest

from millrace.methods.field_paths import MISSING, FieldPath

ROW = {"user": {"name": "Ada", "a.b": 1}, "turns": [{"t": "x"}, {"t": "y"}, {"s": 0}], "null": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user.name", "Ada"),
        ('user["a.b"]', 1),
        ("turns[0].t", "x"),
        ("turns[-2].t", "y"),
        ("turns[:-1]", [{"t": "x"}, {"t": "y"}]),
        ("turns[1:]", [{"t": "y"}, {"s": 0}]),
        ("turns[*].t", ["x", "y"]),
        ("turns[:1][*].t", ["x"]),
        ("null", None),
        ("null.name", MISSING),
        ("turns[3]", MISSING),
        ("turns[-4]", MISSING),
        ("turns.t", MISSING),
        ("user[0]", MISSING),
        ("user[:1]", MISSING),
        ("user[*]", MISSING),
        ("absent.name", MISSING),
    ],
)
def test_look_up(text: str, expected: object) -> None:
    assert FieldPath.parse(text).look_up(ROW) == expected


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[0", "a]", "a[1:2:3]", "a b[", "{a}"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        FieldPath.parse(text)


def test_the_root_is_the_first_field() -> None:
    assert FieldPath.parse("turns[0].t").root == "turns"
    assert FieldPath.parse("[0].t").root is None
    assert FieldPath.parse("[0].t").look_up([{"t": 5}]) == 5
