"""Rule tables: named patterns with their reason and an example of each kind, read from YAML."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.yaml_file import read_yaml


def _compiles(regex: str) -> str:
    try:
        re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return regex


Regex = Annotated[str, AfterValidator(_compiles)]


class PatternRule(Record):
    """A pattern, why it is there, and a text it must and one it must not match."""

    id: Identifier
    regex: Regex
    reason: str
    positive: str = Field(description="A text the rule matches")
    negative: str = Field(description="A similar text the rule leaves alone")


RuleT = TypeVar("RuleT", bound=PatternRule)
RecordT = TypeVar("RecordT", bound=BaseModel)


def read_record(path: Path, model: type[RecordT]) -> RecordT:
    """The record that a YAML file holds.

    Raises:
        BadInputError: not YAML, or not of the record's form; the message names file and field.
    """
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"{path.name}: field {field!r}: {first['msg']}", file=path.name, field=field) from error


def read_rules(path: Path, model: type[RuleT]) -> tuple[RuleT, ...]:
    """The rules of a YAML file, in file order.

    Raises:
        BadInputError: not YAML, no list ``rules``, a rule that does not fit ``model``, or an id used twice.
    """
    rules = tuple(_rule(path, row, model) for row in _rows(path))
    ids = [rule.id for rule in rules]
    for rule_id in ids:
        if ids.count(rule_id) > 1:
            raise BadInputError(f"{path.name}: rule id {rule_id!r} is used twice", file=path.name, rule=rule_id)
    return rules


def _rows(path: Path) -> list[object]:
    content = read_yaml(path)
    if not isinstance(content, Mapping) or list(content) != ["rules"] or not isinstance(content["rules"], list):
        raise BadInputError(f"{path.name}: expected one key, 'rules', with a list", file=path.name)
    return content["rules"]


def _rule(path: Path, row: object, model: type[RuleT]) -> RuleT:
    name = row.get("id") if isinstance(row, Mapping) else None
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"{path.name}: rule {name!r}, field {field!r}: {first['msg']}", file=path.name, rule=name, field=field
        ) from error
