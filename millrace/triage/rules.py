"""Triage rules: an ordered list of named conditions over signals, read from YAML (A29)."""

import string
from pathlib import Path
from typing import Literal

from pydantic import Field

from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.rules import read_record
from millrace.records.triage import FailureType
from millrace.triage.conditions import Condition, condition_problems
from millrace.triage.signals import SIGNALS

Basis = Literal["estimated", "recorded"]


class TriageRule(Record):
    """A failure type and the conditions that must all hold for it."""

    id: Identifier
    failure_type: FailureType
    basis: Basis = Field(
        "estimated",
        description="recorded: the trace itself says that it failed, there is nothing to doubt; estimated: the signals "
        "speak for it, and only a calibration can say how often they are right",
    )
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
    rules = read_record(path, TriageRules)
    check_rules(rules, path.name)
    return rules


def check_rules(rules: TriageRules, source: str) -> None:
    """Refuse a table that could not be evaluated; ``source`` is named in the message.

    Raises:
        BadInputError: as ``read_triage_rules``.
    """
    ids = [rule.id for rule in rules.rules]
    for rule in rules.rules:
        problems = [problem for condition in rule.when for problem in condition_problems(condition)]
        problems += _template_problems(rule.reason)
        if ids.count(rule.id) > 1:
            problems.append("its id is used twice")
        if problems:
            raise BadInputError(f"{source}: rule {rule.id!r}: {problems[0]}", file=source, rule=rule.id)


def _template_problems(reason: str) -> list[str]:
    try:
        fields = [field[1:] for field in string.Formatter().parse(reason) if field[1] is not None]
    except ValueError as error:
        return [f"the reason is no template: {error}"]
    unknown = [name for name, spec, conversion in fields if name not in SIGNALS or spec or conversion]
    return [f"the reason names {unknown[0]!r}, which is no plain signal"] if unknown else []
