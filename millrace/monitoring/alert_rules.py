"""Alert rules: which figure, which condition, what to say, where to read on; read from YAML (A28)."""

import string
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from millrace.errors import BadInputError
from millrace.monitoring.figures import FIGURES, Figure
from millrace.records.base import Identifier, Record
from millrace.records.monitoring import AnomalyMethod, Severity
from millrace.records.rules import read_record

ANY = "any"  # label of a rule that is looked at for each label of its figure

Direction = Literal["rise", "drop"]
LabelChecks = Mapping[str, Callable[[str], bool]]


class Threshold(Record):
    """The figure lies beyond a fixed value."""

    type: Literal["threshold"]
    op: Literal["gt", "ge", "lt", "le"]
    value: float = Field(description="In the figure's own unit; a share is 0 to 1")


class Change(Record):
    """The figure lies further from the median of the days before than a part of that median."""

    type: Literal["change"]
    direction: Direction
    by: float = Field(gt=0, description="Relative: 0.2 is a fifth; a drop's is less than 1")
    days: int = Field(7, ge=1, le=366, description="The last days that have the figure, this one not counted")
    min_days: int = Field(3, ge=1, description="Fewer days say nothing")
    at_least: float | None = Field(None, description="A rise must also be beyond this, however low the median is")
    at_most: float | None = Field(None, description="A drop must also be below this")


class Unusual(Record):
    """The figure is among the day's anomalies."""

    type: Literal["anomaly"]
    direction: Literal["rise", "drop", "either"] = "either"
    methods: list[AnomalyMethod] = Field(["robust_z", "iqr", "change_point"], min_length=1)
    min_days: int = Field(14, ge=1, description="As many as anomalies need; with fewer there is no saying")


class Status(Record):
    """The canary or the drift watch says so itself."""

    type: Literal["status"]
    watch: Literal["canary", "drift"]
    at_least: Severity = "critical"


Condition = Annotated[Threshold | Change | Unusual | Status, Field(discriminator="type")]

_COMMON = frozenset({"value", "interval", "n", "n_failed", "label", "day", "bound"})
PLACEHOLDERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "threshold": _COMMON,
        "change": _COMMON | {"baseline", "change", "n_days"},
        "anomaly": _COMMON | {"expected", "since", "method"},
        "status": _COMMON | {"status", "reasons"},
    }
)


class AlertRule(Record):
    """When a figure calls for somebody, and what they are told."""

    id: Identifier
    severity: Severity
    figure: Identifier = Field(description="One of monitoring.figures.FIGURES")
    label: Identifier | None = Field(None, description="One label of the figure, or `any` for each")
    without: list[Identifier] = Field([], description="Labels that `any` leaves out, as they have rules of their own")
    when: Condition
    min_n: int = Field(0, ge=0, description="Items that must be behind the figure, today and on each day before")
    proven: bool = Field(
        False, description="The whole 95 % interval must lie beyond the bound: one quiet day's chance is no alert"
    )
    message: str = Field(min_length=1, description="A sentence with values in braces, see PLACEHOLDERS")
    playbook: Identifier = Field(description="A file of docs/playbooks, without its ending")


class AlertRules(Record):
    """The rule table; every rule is looked at."""

    rules: list[AlertRule] = Field(min_length=1)


def read_alert_rules(path: Path, playbooks: Collection[str], labels: LabelChecks = MappingProxyType({})) -> AlertRules:
    """The rule table of a YAML file.

    Args:
        playbooks: names of those that exist.
        labels: whether there is such a label, by what the figure is taken by, as ``{"metric": is_metric}``; what is not
            in it is not checked.

    Raises:
        BadInputError: not YAML or not of this form, a rule id used twice, an unknown figure, label, playbook or
            placeholder, bounds that cannot be; the message names file and rule.
    """
    rules = read_record(path, AlertRules)
    ids = [rule.id for rule in rules.rules]
    for rule in rules.rules:
        problems = ["its id is used twice"] if ids.count(rule.id) > 1 else []
        problems += _problems(rule, playbooks, labels)
        if problems:
            raise BadInputError(f"{path.name}: rule {rule.id!r}: {problems[0]}", file=path.name, rule=rule.id)
    return rules


def _problems(rule: AlertRule, playbooks: Collection[str], labels: LabelChecks) -> list[str]:
    figure = FIGURES.get(rule.figure)
    if figure is None:
        return [f"there is no figure {rule.figure!r}"]
    problems = _label_problems(rule, figure, labels) + _condition_problems(rule) + _message_problems(rule)
    if rule.playbook not in playbooks:
        problems.append(f"there is no playbook {rule.playbook!r}")
    return problems


def _label_problems(rule: AlertRule, figure: Figure, labels: LabelChecks) -> list[str]:
    if figure.label is None:
        return [f"figure {rule.figure!r} has no labels"] if rule.label or rule.without else []
    if rule.label is None:
        return [f"figure {rule.figure!r} is taken by {figure.label}: name one as its label, or 'any'"]
    if rule.without and rule.label != ANY:
        return ["only the label 'any' can leave labels out"]
    named = [*rule.without, *([] if rule.label == ANY else [rule.label])]
    exists = labels.get(figure.label, bool)
    return [f"there is no {figure.label} {name!r}" for name in named if not exists(name)]


def _condition_problems(rule: AlertRule) -> list[str]:
    when = rule.when
    if isinstance(when, Status):
        # The watches have their own tests and their own least number of items.
        return ["a status takes neither 'proven' nor 'min_n'"] if rule.proven or rule.min_n else []
    if not isinstance(when, Change):
        return []
    problems = []
    if when.min_days > when.days:
        problems.append(f"min_days {when.min_days} is more than days {when.days}")
    if when.direction == "drop" and when.by >= 1:
        problems.append("nothing drops by 100 % or more: use a threshold")
    if (when.at_most if when.direction == "rise" else when.at_least) is not None:
        problems.append("a rise takes at_least, a drop at_most")
    return problems


def _message_problems(rule: AlertRule) -> list[str]:
    try:
        fields = [field[1:] for field in string.Formatter().parse(rule.message) if field[1] is not None]
    except ValueError as error:
        return [f"the message is no template: {error}"]
    known = PLACEHOLDERS[rule.when.type]
    unknown = [name for name, spec, conversion in fields if name not in known or spec or conversion]
    return [f"the message names {unknown[0]!r}; it can name {', '.join(sorted(known))}"] if unknown else []
