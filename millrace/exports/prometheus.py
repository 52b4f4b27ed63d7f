"""The figures of a day as Prometheus reads them: text exposition for node_exporter's textfile collector or a
Pushgateway (A27).

Every family is a gauge: a figure is the value of one day, not a count since a start. The day is no label, because each
day would begin new series: ``millrace_day_start_timestamp_seconds`` says which day it is.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Protocol, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from millrace.errors import BadInputError
from millrace.records.monitoring import DayFigure, FiredAlert, Severity

MAX_SERIES = 500  # of one figure; more labels than that, such as tenants, would fill the receiver's memory
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_UNITS = ("_ratio", "_seconds", "_usd")  # a name ends with its unit, whatever else it says
_OWN_LABELS = frozenset({"figure", "of", "reason", "rule", "severity", "playbook"})
_RESERVED = frozenset({"le", "quantile", "job", "instance"})


class Family(Protocol):
    """What must be known of a figure; ``monitoring.figures.Figure`` is one."""

    @property
    def name(self) -> str: ...
    @property
    def prometheus_name(self) -> str: ...
    @property
    def meaning(self) -> str: ...
    @property
    def label(self) -> str | None: ...


def exposition(
    figures: Sequence[DayFigure],
    families: Mapping[str, Family],
    *,
    alerts: Sequence[FiredAlert],
    labels: Mapping[str, str],
    finished_at: datetime,
) -> bytes:
    """Prometheus' text format, version 0.0.4; see :func:`figures_registry`."""
    return generate_latest(figures_registry(figures, families, alerts=alerts, labels=labels, finished_at=finished_at))


def figures_registry(
    figures: Sequence[DayFigure],
    families: Mapping[str, Family],
    *,
    alerts: Sequence[FiredAlert],
    labels: Mapping[str, str],
    finished_at: datetime,
) -> CollectorRegistry:
    """One family for every entry of ``families``, and those that tell about the figures and alerts.

    An undefined figure has no sample, as Prometheus' conventions want it, but one in ``millrace_figure_undefined`` that
    says why. Ends of intervals are families of their own, ``_low`` and ``_high`` before the unit. Families and samples
    are sorted by name and labels. Of a figure with more than 500 labels the 500 with the most items are kept;
    ``millrace_figure_left_out_series`` counts the others.

    Args:
        figures: of one day, each name and label once.
        families: by the figures' names; a figure that has a label is given with one, unless it is undefined.
        labels: added to every sample, such as ``tenant_scope``; few different values over time.
        finished_at: when the figures were finished.

    Raises:
        BadInputError: a figure that is not registered, given twice, or with a label against its family; figures of
            several days; a label that Prometheus does not take or that is used here.
    """
    _check_labels(labels, families)
    _check_figures(figures, families)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(_Samples(labels), figures, families, alerts, finished_at))
    return registry


class _Samples:
    """Makes families whose samples all carry the fixed labels."""

    def __init__(self, fixed: Mapping[str, str]) -> None:
        self._names, self._values = sorted(fixed), [fixed[name] for name in sorted(fixed)]

    def family(
        self, name: str, meaning: str, names: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]
    ) -> GaugeMetricFamily:
        """``rows``: label values in the order of ``names``, and the value."""
        family = GaugeMetricFamily(name, f"{meaning}.", labels=[*names, *self._names])
        for values, number in sorted(rows):
            family.add_metric([*values, *self._values], number)
        return family


class _Collector(Collector):
    """Gives the families each time they are asked for."""

    def __init__(
        self,
        samples: _Samples,
        figures: Sequence[DayFigure],
        families: Mapping[str, Family],
        alerts: Sequence[FiredAlert],
        finished_at: datetime,
    ) -> None:
        self._samples, self._alerts, self._finished_at = samples, alerts, finished_at
        self._families = sorted(families.values(), key=lambda family: family.prometheus_name)
        self._day = min((figure.day for figure in figures), default=None)
        by_name: defaultdict[str, list[DayFigure]] = defaultdict(list)
        for figure in sorted(figures, key=lambda figure: (-figure.n, figure.label or "")):
            by_name[figure.name].append(figure)
        self._kept = {name: rows[:MAX_SERIES] for name, rows in by_name.items()}
        self._left_out = {name: len(rows) - MAX_SERIES for name, rows in by_name.items() if len(rows) > MAX_SERIES}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for family in self._families:
            yield from self._of(family)
        yield from self._about_figures()
        yield from self._about_alerts()
        yield from self._about_times()

    def _of(self, family: Family) -> Iterator[GaugeMetricFamily]:
        names = [family.label] if family.label else []
        rows = self._kept.get(family.name, [])
        name, meaning = family.prometheus_name, family.meaning
        yield self._samples.family(name, meaning, names, _values(rows, "value", family))
        for end, phrase in (("low", "Lower end"), ("high", "Upper end")):
            ends = _values(rows, end, family)
            if ends:
                about = f"{phrase} of the 95 % interval of {name}"
                yield self._samples.family(_beside(name, end), about, names, ends)

    def _about_figures(self) -> Iterator[GaugeMetricFamily]:
        make, names = self._samples.family, ["figure", "of"]
        kept = [figure for name in sorted(self._kept) for figure in self._kept[name]]
        yield make("millrace_figure_items", "Items behind a figure", names, [(_key(each), each.n) for each in kept])
        failed = [(_key(each), each.n_failed) for each in kept]
        yield make("millrace_figure_failed_items", "Items that should have entered and did not", names, failed)
        undefined = [([*_key(each), each.reason or "unknown"], 1) for each in kept if each.value is None]
        yield make("millrace_figure_undefined", "Figures without a value, and why", [*names, "reason"], undefined)
        left_out = [([name], n) for name, n in self._left_out.items()]
        yield make("millrace_figure_left_out_series", "Labels with the fewest items, not shown", ["figure"], left_out)

    def _about_alerts(self) -> Iterator[GaugeMetricFamily]:
        names = ["rule", "severity", "figure", "of", "playbook"]
        firing = {(each.rule_id, each.severity, each.figure, each.label or "", each.playbook) for each in self._alerts}
        meaning = "Rules that hold on the day, by figure and what it is of"
        yield self._samples.family("millrace_alert_firing", meaning, names, [(each, 1) for each in firing])
        severities = [each[1] for each in firing]
        counts = [([severity], severities.count(severity)) for severity in get_args(Severity)]
        yield self._samples.family("millrace_firing_alerts", "Alerts of the day", ["severity"], counts)

    def _about_times(self) -> Iterator[GaugeMetricFamily]:
        day = None if self._day is None else date_of(self._day)
        start = [] if day is None else [((), datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())]
        yield self._samples.family(
            "millrace_day_start_timestamp_seconds", "The day of the figures, as its midnight in UTC", [], start
        )
        finished = [((), self._finished_at.timestamp())]
        yield self._samples.family("millrace_finished_timestamp_seconds", "When they were finished", [], finished)


def date_of(day: str) -> date | None:
    """The date that ``2026-11-20`` names; None for the name of another stretch of time."""
    try:
        return date.fromisoformat(day)
    except ValueError:
        return None


def _values(rows: Sequence[DayFigure], field: str, family: Family) -> list[tuple[Sequence[str], float]]:
    found = [(row, getattr(row, field)) for row in rows]
    return [([row.label or ""] if family.label else [], number) for row, number in found if number is not None]


def _beside(name: str, end: str) -> str:
    unit = next((unit for unit in _UNITS if name.endswith(unit)), "")
    return f"{name.removesuffix(unit)}_{end}{unit}"


def _key(figure: DayFigure) -> list[str]:
    return [figure.name, figure.label or ""]


def _check_labels(labels: Mapping[str, str], families: Mapping[str, Family]) -> None:
    used = _OWN_LABELS | _RESERVED | {family.label for family in families.values() if family.label}
    for name in labels:
        if not _LABEL.fullmatch(name) or name in used:
            raise BadInputError(f"{name!r} cannot be a label of all metrics: choose another name", label=name)


def _check_figures(figures: Sequence[DayFigure], families: Mapping[str, Family]) -> None:
    seen: set[tuple[str, str | None]] = set()
    for figure in figures:
        family = families.get(figure.name)
        if family is None:
            raise BadInputError(f"no figure {figure.name!r} is registered", figure=figure.name)
        unlabelled_value = figure.label is None and figure.value is not None
        if (family.label is None and figure.label is not None) or (family.label is not None and unlabelled_value):
            raise BadInputError(f"{figure.name!r} has label {figure.label!r}, against its family", figure=figure.name)
        if (figure.name, figure.label) in seen:
            raise BadInputError(f"{figure.name!r} is given twice for label {figure.label!r}", figure=figure.name)
        seen.add((figure.name, figure.label))
    if len({figure.day for figure in figures}) > 1:
        raise BadInputError("figures of several days: Prometheus is given one day at a time")
