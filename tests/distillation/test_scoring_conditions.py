"""Conditions: for which records each operator holds, and what cannot be evaluated is refused."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from millrace.distillation.marker_columns import columns_of
from millrace.distillation.scoring_conditions import Node, conditions_in, markers_in, rows_where
from tests.support.marked_evidence import evidence_of, record

NODE: TypeAdapter[Any] = TypeAdapter(Node)

RECORDS = evidence_of(
    record("0", ("v", "Accepted "), ("n", 3), role="reviewer"),
    record("1", ("v", "rejected"), ("n", 2.5), producer="gpt", split="eval"),
    record("2", ("v", True), ("n", True), role="REVIEWER"),
    record("3", ("v", 3.0), ("n", "3"), stream="audits"),
    record("4"),
)


def held(node: dict[str, Any], records: Any = RECORDS) -> list[int]:
    """The records, by number, for which the conditions hold."""
    tree = NODE.validate_python(node)
    rows: list[int] = rows_where(columns_of(records, markers_in(tree)), tree).nonzero()[0].tolist()
    return rows


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"marker": "v", "equals": "accepted"}, [0]),
        ({"marker": "v", "equals": " ACCEPTED"}, [0]),
        ({"marker": "v", "equals": True}, [2]),
        ({"marker": "v", "equals": "true"}, [2]),
        ({"marker": "v", "equals": 3}, [3]),
        ({"marker": "v", "equals": "3"}, []),
        ({"marker": "n", "equals": "3"}, [0, 3]),  # as it is written; a number of 3 is written so too
        ({"marker": "n", "equals": 3}, [0]),
        ({"marker": "v", "not_equals": "accepted"}, [1, 2, 3]),
        ({"marker": "v", "one_of": ["rejected", True]}, [1, 2]),
        ({"marker": "v", "one_of": ["accepted", 3]}, [0, 3]),
        ({"marker": "v", "none_of": ["rejected", True]}, [0, 3]),
        ({"marker": "n", "less_than": 3}, [1, 2]),
        ({"marker": "n", "less_than": 2.5}, [2]),
        ({"marker": "n", "at_most": 2.5}, [1, 2]),
        ({"marker": "n", "more_than": 2.5}, [0]),
        ({"marker": "n", "at_least": 2.5}, [0, 1]),
        ({"marker": "v", "present": True}, [0, 1, 2, 3]),
        ({"marker": "v", "missing": True}, [4]),
        ({"marker": "absent", "missing": True}, [0, 1, 2, 3, 4]),
        ({"marker": "absent", "not_equals": "x"}, []),
        ({"marker": "absent", "none_of": ["x"]}, []),
        ({"marker": "absent", "less_than": 0}, []),
        ({"field": "role", "equals": "reviewer"}, [0, 2]),
        ({"field": "stream", "not_equals": "reviews"}, [3]),
        ({"field": "producer", "present": True}, [1]),
        ({"field": "producer", "missing": True}, [0, 2, 3, 4]),
        ({"field": "split", "equals": "eval"}, [1]),
        ({"field": "split", "not_equals": "train"}, [1]),
    ],
)
def test_an_operator_holds_for_these_records(condition: dict[str, Any], expected: list[int]) -> None:
    assert held(condition) == expected


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("9f2c", "1b7e", True),
        ("9f2c", "9f2c", False),
        ("9F2C", "9f2c", True),
        (1, 1.0, False),
        (1, 2, True),
        ("1", 1, False),
        (None, "9f2c", False),
        ("9f2c", None, False),
    ],
)
def test_two_markers_differ_when_both_are_there_and_say_different_things(
    one: object, other: object, differs: bool
) -> None:
    pairs = [(name, value) for name, value in (("a", one), ("b", other)) if value is not None]
    table = evidence_of(record("before", ("b", "x")), record("it", *pairs))
    assert held({"marker": "a", "differs_from": "b"}, table) == ([1] if differs else [])


HAS_V = {"marker": "v", "present": True}
THREE = {"marker": "n", "at_least": 3}
NEVER = {"marker": "absent", "present": True}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"all": [HAS_V, THREE]}, [0]),
        ({"any": [THREE, {"field": "stream", "equals": "audits"}]}, [0, 3]),
        ({"none": [HAS_V]}, [4]),
        ({"none": [THREE, {"marker": "v", "equals": True}]}, [1, 3, 4]),
        ({"all": [HAS_V], "none": [THREE]}, [1, 2, 3]),
        ({"all": [HAS_V], "any": [NEVER, THREE], "none": [NEVER]}, [0]),
        ({"any": [{"all": [HAS_V, NEVER]}, {"none": [HAS_V]}]}, [4]),
        ({"none": [{"none": [HAS_V]}]}, [0, 1, 2, 3]),
    ],
)
def test_groups_take_conditions_together(group: dict[str, Any], expected: list[int]) -> None:
    assert held(group) == expected


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"equals": 1}, "equals"),
        ({"marker": "a", "field": "role", "equals": "x"}, "name one marker, or one field of stream"),
        ({"marker": "a"}, "give one of equals, .*, not none"),
        ({"marker": "a", "equals": 1, "at_least": 1}, "not equals and at_least"),
        ({"marker": "a", "at_least": "three"}, "valid number"),
        ({"marker": "a", "at_least": "3"}, "valid number"),
        ({"marker": "a", "at_least": True}, "valid number"),
        ({"marker": "a", "at_least": float("inf")}, "finite"),
        ({"marker": "a", "equals": ["x"]}, "equals"),
        ({"marker": "a", "one_of": []}, "at least 1 item"),
        ({"marker": "a", "one_of": "x"}, "one_of"),
        ({"marker": "a", "present": False}, "present"),
        ({"marker": "a", "above": 1}, "above"),
        ({"marker": "a", "differs_from": "a"}, "never differs from itself"),
        ({"field": "text", "equals": "x"}, "field"),
        ({"field": "role", "at_least": 1}, "'role' is a text, it takes equals"),
        ({"field": "role", "differs_from": "a"}, "'role' is a text, it takes equals"),
        ({"field": "role", "equals": 3}, "cannot be compared with 3"),
        ({"field": "role", "one_of": ["x", True]}, "cannot be compared with True"),
        ({"field": "split", "equals": "test"}, "'split' is one of eval, train, never 'test'"),
        ({}, "'all', 'any' or 'none'"),
        ({"all": []}, "at least 1 item"),
        ({"some": [HAS_V]}, "some"),
        ({"all": [{"any": [{"marker": "a"}]}]}, "give one of"),
        ("accepted", "dictionary"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(node: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NODE.validate_python(node)


def test_a_tree_says_which_conditions_and_markers_it_has() -> None:
    tree = NODE.validate_python({"all": [HAS_V, {"any": [THREE]}], "none": [{"marker": "a", "differs_from": "b"}]})
    assert [each.subject for each in conditions_in(tree)] == ["v", "n", "a"]
    assert markers_in(tree) == {"v", "n", "a", "b"}


def test_a_tree_is_the_same_after_json() -> None:
    tree = NODE.validate_python({"all": [{"marker": "v", "one_of": [True, 1, "x"]}], "none": [HAS_V]})
    again = NODE.validate_json(NODE.dump_json(tree))
    assert NODE.dump_json(again) == NODE.dump_json(tree)
    assert [type(value) for value in again.all[0].one_of] == [bool, float, str]
