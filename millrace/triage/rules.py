"""Triage rules: an ordered list of named conditions over signals, read from YAML (A29)."""

import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.triage import FailureType
from millrace.triage.signals import SIGNALS, SignalType

Operator = Literal["lt", "le", "gt", "ge", "eq", "ne", "in", "is_null", "not_null"]
ConditionValue = bool | float | str | list[str]

SYMBOLS: Mapping[str, str] = MappingProxyType(
    {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "=", "ne": "!=", "in": "in"}
    | {"is_null": "is null", "not_null": "is not null"}
)
_VALUE_TYPES: Mapping[SignalType, type] = MappingProxyType({"text": str, "number": float, "flag": bool})


class Condition(Record):
    """A comparison of one signal. A null signal fulfils only ``is_null``."""

    signal: Identifier
    op: Operator
    value: ConditionValue | None = Field(None, description="Absent for is_null and not_null; a list for in")


class TriageRule(Record):
    """A failure type and the conditions that must all hold for it."""

    id: Identifier
    failure_type: FailureType
    reason: str = Field(min_length=1, description="Text with signals in braces: 'score {groundedness}'")
    when: list[Condition] = Field(min_length=1)


class TriageRules(Record):
    """The rule table; the first rule that matches a trace decides."""

    rules: list[TriageRule] = Field(min_length=1)


def read_triage_rules(path: Path) -> TriageRules:
    """The rule table of a YAML file.

    Raises:
        BadInputError: not YAML or not of this form, a rule id used twice, a signal that does not exist, a comparison
            that does not fit its signal; the message names file and rule.
    """
    try:
        rules = TriageRules.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInputError(f"{path.name}: cannot be read as YAML: {error}", file=path.name) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"{path.name}: field {field!r}: {first['msg']}", file=path.name, field=field) from error
    check_rules(rules, path.name)
    return rules


def check_rules(rules: TriageRules, source: str) -> None:
    """Refuse a table that could not be evaluated; ``source`` is named in the message.

    Raises:
        BadInputError: as ``read_triage_rules``.
    """
    ids = [rule.id for rule in rules.rules]
    for rule in rules.rules:
        problems = [problem for condition in rule.when for problem in _condition_problems(condition)]
        problems += _template_problems(rule.reason)
        if ids.count(rule.id) > 1:
            problems.append("its id is used twice")
        if problems:
            raise BadInputError(f"{source}: rule {rule.id!r}: {problems[0]}", file=source, rule=rule.id)


def _condition_problems(condition: Condition) -> list[str]:
    signal = SIGNALS.get(condition.signal)
    if signal is None:
        return [f"no signal {condition.signal!r}; there are {', '.join(sorted(SIGNALS))}"]
    value, name = condition.value, condition.signal
    if condition.op in ("is_null", "not_null"):
        return [f"{condition.op} of {name!r} takes no value"] if value is not None else []
    if condition.op == "in":
        fits = signal.type == "text" and isinstance(value, list)
        return [] if fits else [f"'in' compares a text signal with a list of texts, not {name!r} with {value!r}"]
    if not isinstance(value, _VALUE_TYPES[signal.type]):
        return [f"{name!r} is a {signal.type}, it cannot be compared with {value!r}"]
    if signal.type != "number" and condition.op not in ("eq", "ne"):
        return [f"{name!r} is a {signal.type}, it is compared with eq or ne, not {condition.op}"]
    return []


def _template_problems(reason: str) -> list[str]:
    try:
        fields = [field[1:] for field in string.Formatter().parse(reason) if field[1] is not None]
    except ValueError as error:
        return [f"the reason is no template: {error}"]
    unknown = [name for name, spec, conversion in fields if name not in SIGNALS or spec or conversion]
    return [f"the reason names {unknown[0]!r}, which is no plain signal"] if unknown else []
