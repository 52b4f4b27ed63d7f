"""The user's own checks: read or refused with their place, told, and applied."""

import json
from typing import Any

import pytest

from millrace.errors import BadInputError
from millrace.records.replay import ValidationStep
from millrace.replay.steps import check_steps, read_steps, told_steps, wants_json

SCHEMA = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}


def step(kind: str, value: Any, name: str = "own", **fields: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "value": value} | fields


def passes(kind: str, value: Any, answer: str) -> bool:
    (check,) = check_steps(read_steps([step(kind, value)]), answer)
    assert check.name == "step:own"
    assert check.passed or check.detail
    return check.passed


@pytest.mark.parametrize(
    ("kind", "value", "good", "bad"),
    [
        ("must_match", r"\d+ days", "In 12 days.", "Soon."),
        ("must_not_match", r"(?i)perhaps", "In 12 days.", "Perhaps soon."),
        ("json_schema", SCHEMA, '{"days": 12}', '{"days": "twelve"}'),
        ("json_schema", json.dumps(SCHEMA), ' {"days": 12}\n', "12 days"),
        ("json_schema", SCHEMA, '{"days": 12}', "[" * 100_000),
    ],
)
def test_a_step_passes_and_fails(kind: str, value: Any, good: str, bad: str) -> None:
    assert passes(kind, value, good)
    assert not passes(kind, value, bad)


def test_a_schema_that_leads_nowhere_fails_the_answer_and_not_the_run() -> None:
    assert not passes("json_schema", {"$ref": "#/$defs/none"}, "{}")


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("x", "not a list"),
        ([3], r"validation\.0"),
        ([step("must_match", "a"), step("must_match", "(")], r"validation\.1\.value: no must_match step"),
        ([step("json_schema", "{")], r"validation\.0\.value: no json_schema step"),
        ([step("json_schema", "3")], "an object"),
        ([step("json_schema", {"type": "integre"})], r"validation\.0\.value"),
        ([step("guess", "a")], r"validation\.0\.kind"),
        ([step("must_match", "")], r"validation\.0\.value"),
        ([step("must_match", "a", how="b")], r"validation\.0\.how"),
        ([step("must_match", "a"), step("must_match", "b")], "two steps are called 'own'"),
    ],
)
def test_steps_that_cannot_be_used_are_refused_with_their_place(rows: object, complaint: str) -> None:
    with pytest.raises(BadInputError, match=complaint) as caught:
        read_steps(rows)
    assert caught.value.details["reason"] == "wrong_type"


def test_answerers_are_told_in_the_users_words_or_by_the_pattern() -> None:
    steps = read_steps(
        [
            step("must_match", "day", "a", told="Name a day."),
            step("must_not_match", "x+", "b"),
            step("json_schema", {"type": "object"}, "c"),
        ]
    )
    assert told_steps(steps) == [
        "Name a day.",
        "Nothing in the answer matches the regular expression x+",
        'The answer is JSON alone, and fits the JSON Schema {"type":"object"}',
    ]
    assert wants_json(steps)
    assert not wants_json(steps[:2])
    assert read_steps([each.model_dump() for each in steps]) == steps
    assert all(isinstance(each, ValidationStep) for each in steps)


@pytest.mark.parametrize("pattern", ["a{4294967296}", "(" * 5000, "(?P<", "[z-a]"])
def test_a_pattern_that_does_not_compile_for_any_reason_is_bad_input(pattern: str) -> None:
    with pytest.raises(BadInputError, match=r"validation\.0\.value: no must_match step"):
        read_steps([{"name": "s", "kind": "must_match", "value": pattern}])


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/schema.json", "file:///etc/hostname"])
def test_what_a_schema_refers_to_is_never_fetched(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[object] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *given, **_: fetched.append(given))
    (check,) = check_steps(read_steps([{"name": "s", "kind": "json_schema", "value": {"$ref": address}}]), "{}")
    assert fetched == []
    assert not check.passed
    assert check.detail.startswith("the schema cannot be applied")
