"""The user's own checks of an answer (D12): patterns it must or must not hold, and the JSON it must be."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from pydantic import ValidationError
from referencing.jsonschema import EMPTY_REGISTRY

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.records.replay import GateCheck, ValidationStep

_SHOWN = 200  # characters of a complaint


def read_steps(rows: object) -> list[ValidationStep]:
    """Steps as a task file or a settings table writes them: a list of objects; a JSON Schema may be an object too.

    Raises:
        BadInputError: with a ``reason``: not such a list, a pattern that does not compile, a schema that is none, or
            a name used twice.
    """
    if not isinstance(rows, list):
        raise BadInputError("validation: not a list of steps", reason="wrong_type")
    steps = [_step(row, place) for place, row in enumerate(rows)]
    names = [step.name for step in steps]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(f"validation: two steps are called {twice!r}", reason="wrong_type")
    return steps


def check_steps(steps: Sequence[ValidationStep], answer: str) -> list[GateCheck]:
    """One check for each step, in order, named ``step:<name>``."""
    return [_checked(step, answer) for step in steps]


def told_steps(steps: Sequence[ValidationStep]) -> list[str]:
    """What an answerer is told of the steps, in order."""
    return [step.told or _TOLD[step.kind].format(step.value) for step in steps]


def wants_json(steps: Sequence[ValidationStep]) -> bool:
    """Whether the answer is to be JSON, so that it cannot hold marks of citations."""
    return any(step.kind == "json_schema" for step in steps)


_TOLD = {
    "must_match": "The answer matches the regular expression {}",
    "must_not_match": "Nothing in the answer matches the regular expression {}",
    "json_schema": "The answer is JSON alone, and fits the JSON Schema {}",
}


def _step(row: object, place: int) -> ValidationStep:
    value = row.get("value") if isinstance(row, Mapping) else None
    content = {**row, "value": canonical_json(value).decode()} if isinstance(value, dict) else row  # type: ignore[dict-item]
    try:
        step = ValidationStep.model_validate(content)
        _usable(step)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = f"validation.{place}{'.' if where else ''}{where}: {first['msg']}"
        raise BadInputError(message, reason="wrong_type") from error
    except (re.error, ValueError, OverflowError, RecursionError, jsonschema.SchemaError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0][:_SHOWN]
        message = f"validation.{place}.value: no {step.kind} step: {said}"
        raise BadInputError(message, reason="wrong_type") from error
    return step


def _usable(step: ValidationStep) -> None:
    if step.kind != "json_schema":
        re.compile(step.value)
        return
    schema = json.loads(step.value)
    if not isinstance(schema, dict):
        raise ValueError("a JSON Schema is an object")
    jsonschema.Draft202012Validator.check_schema(schema)


def _checked(step: ValidationStep, answer: str) -> GateCheck:
    problem = _schema_problem(step.value, answer) if step.kind == "json_schema" else _pattern_problem(step, answer)
    return GateCheck(name=f"step:{step.name}", passed=problem is None, detail=problem or "")


def _pattern_problem(step: ValidationStep, answer: str) -> str | None:
    found = re.search(step.value, answer)
    if step.kind == "must_match":
        return None if found else f"nothing matches {step.value[:_SHOWN]}"
    return f"{found[0][:_SHOWN]!r} matches {step.value[:_SHOWN]}" if found else None


def _schema_problem(schema: str, answer: str) -> str | None:
    try:
        content: Any = json.loads(answer)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {str(error)[:_SHOWN]}"
    try:
        misfit = jsonschema.exceptions.best_match(_validator(schema).iter_errors(content))
    except Exception as failure:  # a reference that leads nowhere, or a pattern that this library cannot read
        return f"the schema cannot be applied: {str(failure)[:_SHOWN]}"
    if misfit is None:
        return None
    return f"{'.'.join(map(str, misfit.absolute_path)) or 'the whole'}: {misfit.message[:_SHOWN]}"


@cache
def _validator(schema: str) -> Validator:
    # The library's own registry would open whatever address a $ref names, files among them.
    return jsonschema.Draft202012Validator(json.loads(schema), registry=EMPTY_REGISTRY)
