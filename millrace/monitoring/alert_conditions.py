"""Whether an alert rule's condition holds, and in which words."""

import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from millrace.monitoring.alert_rules import AlertRule, Change, Status, Threshold, Unusual
from millrace.monitoring.figures import FIGURES
from millrace.records.monitoring import Anomaly, CanaryResult, DayFigure, DriftResult, WatchStatus

_RANK: dict[WatchStatus, int] = {"ok": 0, "warning": 1, "critical": 2}
_COMPARISONS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "gt": (">", operator.gt),
    "ge": (">=", operator.ge),
    "lt": ("<", operator.lt),
    "le": ("<=", operator.le),
}


class NoDataError(Exception):
    """The condition can be neither held nor not: the message says what is missing."""


@dataclass(frozen=True)
class Finding:
    """A condition that was looked at; ``values`` are the texts of the message's placeholders beyond the common ones."""

    holds: bool
    bound: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Watches:
    """What watches the application with tests of its own."""

    canary: CanaryResult
    drift: DriftResult
    anomalies: Sequence[Anomaly]


def look(rule: AlertRule, figure: DayFigure, earlier: Sequence[float], watches: Watches) -> Finding:
    """Look at one figure; a status rule looks at its watch and takes the figure for the message only.

    Args:
        figure: today's, with a value unless the rule is about a status.
        earlier: its values on the days before, oldest first.

    Raises:
        NoDataError: too few items or days, no interval where one is needed, a watch that has not enough.
    """
    when = rule.when
    if isinstance(when, Status):
        return _status(when, watches)
    if figure.value is None:
        raise NoDataError(f"no value today: {figure.reason or 'unknown'}")
    if figure.n < rule.min_n:
        raise NoDataError(f"{figure.n} items today, {rule.min_n} needed")
    if isinstance(when, Threshold):
        return _threshold(when, rule, figure)
    if isinstance(when, Change):
        return _change(when, rule, figure, earlier)
    if len(earlier) < when.min_days:
        raise NoDataError(f"{len(earlier)} earlier days with it, {when.min_days} needed")
    return _unusual(when, rule, figure, watches.anomalies)


def as_text(name: str, value: float | None) -> str:
    """A value of the figure in its unit, to three digits; a share in percent."""
    if value is None:
        return "unknown"
    unit = FIGURES[name].unit
    if unit == "ratio":
        return f"{_rounded(100 * value)} %"
    ending = {"seconds": " s", "usd": " USD", "tokens": " tokens"}.get(unit, "")
    return f"{value:.0f}{ending}" if unit in ("count", "tokens") else f"{_rounded(value)}{ending}"


def _rounded(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _threshold(when: Threshold, rule: AlertRule, figure: DayFigure) -> Finding:
    value = _decisive(rule, figure, rises=when.op in ("gt", "ge"))
    sign, compare = _COMPARISONS[when.op]
    return Finding(compare(value, when.value), f"{sign} {as_text(rule.figure, when.value)}", {})


def _change(when: Change, rule: AlertRule, figure: DayFigure, earlier: Sequence[float]) -> Finding:
    before = earlier[-when.days :]
    if len(before) < when.min_days:
        raise NoDataError(f"{len(before)} earlier days with it, {when.min_days} needed")
    median, rises = statistics.median(before), when.direction == "rise"
    limit = when.at_least if rises else when.at_most
    if median < 0 or (median == 0 and limit is None):
        raise NoDataError(f"the median of {len(before)} earlier days is {median:.3g}: no relative change of it")
    relative = median * (1 + when.by if rises else 1 - when.by)
    bound = relative if limit is None else (max if rises else min)(relative, limit)
    value = _decisive(rule, figure, rises=rises)
    words = f"{_rounded(100 * when.by)} % {'above' if rises else 'below'} the median {as_text(rule.figure, median)}"
    words += f" of {len(before)} days"
    if limit is not None:
        words += f", and {'>' if rises else '<'} {as_text(rule.figure, limit)}"
    values = {
        "baseline": as_text(rule.figure, median),
        "change": _change_text(figure.value, median),
        "n_days": str(len(before)),
    }
    return Finding(value > bound if rises else value < bound, words, values)


def _change_text(value: float | None, median: float) -> str:
    if value is None or median == 0:
        return "from nothing"
    change = value / median - 1
    return f"{'up' if change >= 0 else 'down'} {_rounded(100 * abs(change))} %"


def _unusual(when: Unusual, rule: AlertRule, figure: DayFigure, anomalies: Sequence[Anomaly]) -> Finding:
    own = [
        each
        for each in anomalies
        if (each.day, each.figure, each.label) == (figure.day, figure.name, figure.label)
        and each.method in when.methods
        and when.direction in ("either", "rise" if each.value > each.expected else "drop")
    ]
    for anomaly in own:
        rises = anomaly.value > anomaly.expected
        edge = anomaly.high if rises else anomaly.low
        bound = anomaly.expected if edge is None else edge
        value = _decisive(rule, figure, rises=rises)
        if value > bound if rises else value < bound:
            expected = as_text(rule.figure, anomaly.expected)
            words = f"{anomaly.method} against {anomaly.n_days} days, expected {expected}"
            return Finding(
                True, words, {"expected": expected, "since": anomaly.since, "method": anomaly.method.replace("_", " ")}
            )
    return Finding(False, "an anomaly", {})


def _status(when: Status, watches: Watches) -> Finding:
    watched = watches.canary if when.watch == "canary" else watches.drift
    if watched.status == "not_enough":
        raise NoDataError(f"the {when.watch} watch has not enough: {'; '.join(watched.reasons) or 'no reason given'}")
    reasons = "; ".join(reason.rstrip(".") for reason in watched.reasons)
    holds = _RANK[watched.status] >= _RANK[when.at_least]
    return Finding(holds, f"{when.watch} watch {watched.status}", {"status": watched.status, "reasons": reasons})


def _decisive(rule: AlertRule, figure: DayFigure, *, rises: bool) -> float:
    """The number that must be beyond the bound: the value, or the end of its interval that is nearer to the bound."""
    end = figure.low if rises else figure.high
    number = end if rule.proven else figure.value
    if number is None:
        raise NoDataError("its value has no interval today, and the rule asks for proof")
    return number
