"""Which alert rules hold on a day (A28)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError
from millrace.monitoring.alert_conditions import Finding, NoDataError, Watches, as_text, look
from millrace.monitoring.alert_message import short_label
from millrace.monitoring.alert_rules import ANY, AlertRule, AlertRules
from millrace.records.base import Record
from millrace.records.monitoring import Anomaly, CanaryResult, DayFigure, DriftResult, FiredAlert

Labelled = tuple[str, str | None]  # name and label of a figure


class AlertDecision(Record):
    """What the rules say of a day."""

    alerts: list[FiredAlert] = Field(description="Critical ones first, then in the rules' order, then by label")
    n_rules: int = Field(ge=0, description="Rules that were looked at")
    rules_without_data: list[str] = Field(
        [], description="'rule id: why', or 'rule id [label]: why', of what could not be decided"
    )


def fire_alerts(
    today: Sequence[DayFigure],
    earlier: pa.Table,
    *,
    canary: CanaryResult,
    drift: DriftResult,
    anomalies: Sequence[Anomaly],
    rules: AlertRules,
) -> AlertDecision:
    """Look at every rule.

    Args:
        today: all figures of one day.
        earlier: table of DayFigure; rows of this day and of later ones are left out, and of a figure that is there
            twice for a day the last row counts.
        anomalies: of the same day; others are left out.

    Returns:
        A rule whose figure has no value today, too few items, too few earlier days, or no interval although it asks
        for proof, is in ``rules_without_data``: it has neither held nor not.

    Raises:
        BadInputError: no figures, figures of several days, or one twice.
    """
    figures, day = _by_name(today)
    before = _series(earlier, day, rules)
    watches = Watches(canary, drift, anomalies)
    fired, without = [], []
    for rule in rules.rules:
        labels = list(_labels(rule, figures))
        if not labels:
            without.append(f"{rule.id}: no value today")
        for label in labels:
            figure = figures.get((rule.figure, label)) or _absent(rule, label, day)
            known = [value for value, n in before.get((rule.figure, label), []) if n >= rule.min_n]
            try:
                finding = look(rule, figure, known, watches)
            except NoDataError as error:
                without.append(f"{rule.id}{f' [{label}]' if rule.label == ANY else ''}: {error}")
                continue
            if finding.holds:
                fired.append(_alert(rule, figure, finding))
    fired.sort(key=lambda alert: alert.severity != "critical")  # stable
    return AlertDecision(alerts=fired, n_rules=len(rules.rules), rules_without_data=without)


def alert_key(rule_id: str, figure: str, label: str | None) -> str:
    """sha256 of rule, figure and label, 64 hex digits: the day is not in it, so that tomorrow's is the same alert."""
    return sha256_json(["alert", rule_id, figure, label])


def _by_name(today: Sequence[DayFigure]) -> tuple[dict[Labelled, DayFigure], str]:
    days = sorted({figure.day for figure in today})
    if len(days) != 1:
        raise BadInputError(f"alerts are about the figures of one day, got those of {days or 'none'}", days=days)
    figures = {(figure.name, figure.label): figure for figure in today}
    if len(figures) < len(today):
        raise BadInputError(f"a figure of {days[0]} is there twice", day=days[0])
    return figures, days[0]


def _labels(rule: AlertRule, figures: Mapping[Labelled, DayFigure]) -> Iterator[str | None]:
    if rule.label != ANY:
        yield rule.label
        return
    yield from sorted(
        label for name, label in figures if name == rule.figure and label is not None and label not in rule.without
    )


def _series(earlier: pa.Table, day: str, rules: AlertRules) -> dict[Labelled, list[tuple[float, int]]]:
    """Value and n on earlier days, oldest first, of what is compared with them; days without a value are not there."""
    compared = sorted({rule.figure for rule in rules.rules if rule.when.type in ("change", "anomaly")})
    known = pc.is_in(earlier.column("name"), pa.array(compared, pa.string()))
    wanted = earlier.filter(pc.and_(known, pc.less(earlier.column("day"), day)))
    rows = wanted.select(["day", "name", "label", "value", "n"]).to_pylist()
    latest = {(row["name"], row["label"], row["day"]): (row["value"], row["n"]) for row in rows}
    series: dict[Labelled, list[tuple[float, int]]] = defaultdict(list)
    for (name, label, _), (value, n) in sorted(latest.items(), key=lambda item: item[0][2]):
        if value is not None:
            series[name, label].append((value, n))
    return series


def _absent(rule: AlertRule, label: str | None, day: str) -> DayFigure:
    return DayFigure(day=day, name=rule.figure, label=label, value=None, low=None, n=0, reason="not_taken")


def _alert(rule: AlertRule, figure: DayFigure, finding: Finding) -> FiredAlert:
    values = {
        "value": as_text(rule.figure, figure.value),
        "interval": _interval(figure),
        "n": str(figure.n),
        "n_failed": str(figure.n_failed),
        "label": short_label(figure.label or ""),
        "day": figure.day,
        "bound": finding.bound,
    }
    return FiredAlert(
        key=alert_key(rule.id, rule.figure, figure.label),
        rule_id=rule.id,
        severity=rule.severity,
        day=figure.day,
        figure=rule.figure,
        label=figure.label,
        value=figure.value,
        bound=finding.bound,
        message=rule.message.format_map(values | dict(finding.values)),
        playbook=rule.playbook,
    )


def _interval(figure: DayFigure) -> str:
    if figure.low is None or figure.high is None:
        return "no interval"
    return f"95 % interval {as_text(figure.name, figure.low)} to {as_text(figure.name, figure.high)}"
