import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.adapters.gateway_output import (
    Reading,
    corrected,
    instructed,
    output_fields,
    read_reply,
    schema_validator,
)
from millrace.errors import BadInputError
from millrace.ports import ChatMessage

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "sources": {"type": "array", "items": {"type": "integer"}}},
    "required": ["answer"],
    "additionalProperties": False,
}
QUESTION = (ChatMessage("user", "Why?"),)


def read(text: str) -> Reading:
    return read_reply(text, schema_validator(SCHEMA))


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "yes"}',
        '  {"answer": "yes"}\n',
        'Certainly! Here it is:\n```json\n{"answer": "yes"}\n```\nAnything else?',
        'The set {a, b} is not it, but {"answer": "yes"} is.',
        '{"answer": "yes"} {"answer": "no"}',
        'Unclosed { and then {"answer": "yes"}',
    ],
)
def test_the_first_json_object_is_found_in_whatever_stands_around_it(text: str) -> None:
    reading = read(text)
    assert (reading.value, reading.fault, reading.text) == ({"answer": "yes"}, None, text)


@pytest.mark.parametrize("text", ["no object here", '{"answer": "cut off', "[1, 2]", '{"answer": NaN}', "{" * 2_000])
def test_a_reply_without_a_json_object_is_invalid_json(text: str) -> None:
    assert read(text).fault == "invalid_json"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"sources": [1]}', "'answer' is a required property"),
        ('{"answer": 1}', "$.answer: 1 is not of type 'string'"),
        ('{"answer": "a", "sources": [1, "b"]}', "$.sources[1]: 'b' is not of type 'integer'"),
        ('{"answer": "a", "more": 1}', "'more' was unexpected"),
    ],
)
def test_an_object_that_does_not_fit_is_told_where(text: str, where: str) -> None:
    reading = read(text)
    assert (reading.fault, reading.value) == ("wrong_schema", None)
    assert where in reading.complaint


def test_a_complaint_is_short_whatever_was_replied() -> None:
    assert len(read(json.dumps({"answer": ["x" * 100_000]})).complaint) <= 500


def test_without_a_schema_the_text_is_what_was_asked_for() -> None:
    assert read_reply("{not JSON", None) == Reading("{not JSON")


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_every_object_is_read_back_from_among_prose(value: dict[str, Any]) -> None:
    reading = read_reply(f"So: {json.dumps(value)} - that is all }}{{", schema_validator({"type": "object"}))
    assert reading.value == value


@pytest.mark.parametrize(
    "schema", [{"type": "no-such-type"}, {"properties": []}, {"$ref": "https://example.com/schema.json"}]
)
def test_what_is_no_schema_of_its_own_is_refused_before_anything_is_paid(schema: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"JSON Schema|must hold all that it refers to"):
        schema_validator(schema)


def test_each_mode_says_the_schema_once() -> None:
    told = {
        mode: (output_fields(mode, SCHEMA), instructed(QUESTION, mode, SCHEMA))
        for mode in ("json_schema", "json_object", "prose")
    }
    fields, messages = told["json_schema"]
    assert fields["response_format"]["json_schema"]["schema"] == SCHEMA
    assert messages == QUESTION
    fields, messages = told["json_object"]
    assert fields == {"response_format": {"type": "json_object"}}
    assert "JSON" in messages[0].content  # some gateways insist on the word
    assert json.dumps(SCHEMA, sort_keys=True, separators=(",", ":")) in messages[0].content
    assert messages[1:] == QUESTION
    assert told["prose"] == ({}, messages)


def test_a_correction_shows_the_reply_and_what_is_wrong_with_it() -> None:
    *before, reply, request = corrected(QUESTION, read('{"answer": 1}'))
    assert tuple(before) == QUESTION
    assert reply == ChatMessage("assistant", '{"answer": 1}')
    assert request.role == "user"
    assert "$.answer: 1 is not of type 'string'" in request.content


def test_after_an_empty_reply_the_same_is_asked_again() -> None:
    assert corrected(QUESTION, Reading(fault="empty_choice")) == QUESTION


def test_a_schema_elsewhere_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[object] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda request, *_: fetched.append(request))
    with pytest.raises(BadInputError, match="must hold all that it refers to"):
        schema_validator({"$ref": "https://example.com/schema.json"})
    assert fetched == []
