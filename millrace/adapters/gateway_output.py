"""Structured output: asking for JSON in the ways that gateways know, and reading it from what comes back."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jsonschema import SchemaError
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.ports import ChatFailureReason, ChatMessage

OutputMode = Literal["json_schema", "json_object", "prose"]
OUTPUT_MODES: tuple[OutputMode, ...] = ("json_schema", "json_object", "prose")  # the strictest first

_LONGEST_COMPLAINT = 500


@dataclass(frozen=True)
class Reading:
    """What a reply says. Without a fault it is what was asked for; ``value`` is the object where one was."""

    text: str | None = None
    value: Mapping[str, Any] | None = None
    fault: ChatFailureReason | None = None
    complaint: str = ""


def schema_validator(schema: Mapping[str, Any]) -> Validator:
    """A validator for a JSON Schema, by the draft that it names, else 2020-12.

    Raises:
        BadInputError: not a schema, or one that refers to another document.
    """
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
        validator: Validator = kind(schema, registry=Registry())  # the default one would fetch from the network
        next(iter(validator.iter_errors({})), None)
    except SchemaError as error:
        raise BadInputError(f"not a JSON Schema: {error.message}") from error
    except Unresolvable as error:
        raise BadInputError(f"a schema must hold all that it refers to: {error}") from error
    return validator


def output_fields(mode: OutputMode, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request that ask for JSON; none in prose."""
    if mode == "json_schema":
        return {"response_format": {"type": mode, "json_schema": {"name": "reply", "schema": dict(schema)}}}
    return {"response_format": {"type": mode}} if mode == "json_object" else {}


def instructed(
    messages: tuple[ChatMessage, ...], mode: OutputMode, schema: Mapping[str, Any]
) -> tuple[ChatMessage, ...]:
    """The messages; where the mode does not carry the schema, a system message before them tells it."""
    if mode == "json_schema":
        return messages
    words = (
        "Reply with one JSON object and nothing else. It must be valid by this JSON Schema:\n"
        + canonical_json(schema).decode()
    )
    return (ChatMessage("system", words), *messages)


def read_reply(text: str, validator: Validator | None) -> Reading:
    """What a reply says: the text itself, or with a schema the first JSON object in it.

    Faults are ``invalid_json`` (no object) and ``wrong_schema``; the complaint tells the model what to mend.
    """
    if validator is None:
        return Reading(text)
    value = next(_json_objects(text), None)
    if value is None:
        return Reading(text, fault="invalid_json", complaint="The reply holds no JSON object.")
    error = best_match(validator.iter_errors(value))
    if error is None:
        return Reading(text, value)
    complaint = f"At {error.json_path}: {error.message}"[:_LONGEST_COMPLAINT]
    return Reading(text, fault="wrong_schema", complaint=complaint)


def corrected(messages: tuple[ChatMessage, ...], reading: Reading) -> tuple[ChatMessage, ...]:
    """The conversation to go on with after a faulty reply; the same one where there was no text to mend."""
    if reading.text is None:
        return messages
    request = f"That was not what was asked for. {reading.complaint} Reply again with one valid JSON object only."
    return (*messages, ChatMessage("assistant", reading.text), ChatMessage("user", request))


def _json_objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that starts at a brace of the text."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
