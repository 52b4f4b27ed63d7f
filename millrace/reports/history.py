"""A day against the days before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

import numpy as np

from millrace.monitoring.figures import FIGURES
from millrace.records.daily_report import FigureSeries, SeriesPoint
from millrace.records.report import ReportedEstimate
from millrace.reports.document import Cell, Tag
from millrace.reports.figures import decimals, share_text, short_day, usd, value_text
from millrace.reports.wording import NOTHING, counted, decimal

N_DAYS = 7


@dataclass(frozen=True)
class Compared:
    """This day's point of a figure, the last one before it, and what is usual.

    ``difference`` is this day less the one before; None without two values. ``usual`` is the median of the values of
    the seven days before, of which ``n_days`` have one.
    """

    name: str
    now: SeriesPoint
    before: SeriesPoint | None
    difference: ReportedEstimate | None
    usual: float | None
    n_days: int


def compare(series: FigureSeries) -> Compared:
    """The last point of a series, this day's, against those before it; days without a value are passed over."""
    now, earlier = series.points[-1], [point for point in series.points[:-1] if point.value is not None]
    before = earlier[-1] if earlier else None
    start = _day(now.day)
    week = earlier[-N_DAYS:] if start is None else [point for point in earlier if _within_a_week(point, start)]
    values = [point.value for point in week if point.value is not None]
    return Compared(
        name=series.name,
        now=now,
        before=before,
        difference=None if before is None or now.value is None else difference(before, now),
        usual=median(values) if values else None,
        n_days=len(values),
    )


def difference(before: SeriesPoint, now: SeriesPoint) -> ReportedEstimate:
    """How much larger a value is now, with the interval that follows from the two values' own.

    Two independent estimates are assumed, each with a 95 % interval; without one the difference has none either
    (reason ``no_interval``). Where the intervals are Wilson's, this is Newcombe's method 10.

    Source:
        Zou and Donner (2008), Stat. Med. 27(10), 1693-1702, eq. 3 (method of variance estimates recovery).
    """
    if before.value is None or now.value is None:
        return ReportedEstimate(mean=None, n=before.n + now.n, method="recovered_variances", reason="no_items")
    bare = ReportedEstimate(
        mean=now.value - before.value, n=before.n + now.n, method="recovered_variances", reason="no_interval"
    )
    if None in (before.low, before.high, now.low, now.high) or bare.mean is None:
        return bare
    ends = np.array([before.low, before.high, now.low, now.high], dtype=np.float64)
    low = bare.mean - float(np.hypot(now.value - ends[2], ends[1] - before.value))
    high = bare.mean + float(np.hypot(ends[3] - now.value, before.value - ends[0]))
    return bare.model_copy(update={"low": low, "high": high, "reason": None})


def change_cell(compared: Compared | None) -> Cell:
    """``+0.06`` with the word worse or better where that is beyond chance; a dash where nothing can be compared."""
    if compared is None or compared.before is None or compared.difference is None or compared.difference.mean is None:
        return NOTHING
    change = _signed(compared.name, compared.difference.mean, compared.now.value or 0.0)
    told = change + _skipped(compared.before.day, compared.now.day)
    verdict = verdict_tag(compared)
    return told if verdict is None else (f"{told} ", verdict)


def verdict_tag(compared: Compared) -> Tag | None:
    """Worse or better, or changed where neither is; None where the change is within chance or has no interval."""
    change, figure = compared.difference, FIGURES.get(compared.name)
    if change is None or change.mean is None or change.low is None or change.high is None:
        return None
    if change.low <= 0 <= change.high:
        return None
    if figure is None or figure.better is None:
        return Tag("changed", "quiet")
    return Tag("better", "good") if (change.mean > 0) == (figure.better == "higher") else Tag("worse", "bad")


def usual_text(compared: Compared | None) -> str:
    """``0.82``, with the number of days where they are not seven."""
    if compared is None or compared.usual is None:
        return NOTHING
    days = "" if compared.n_days == N_DAYS else f" ({counted(compared.n_days, 'day')})"
    return f"{value_text(compared.name, compared.usual)}{days}"


def series_of(series: Sequence[FigureSeries], name: str, label: str | None = None) -> FigureSeries | None:
    """The series of a figure, if it has a day to compare with."""
    return next((each for each in series if (each.name, each.label) == (name, label) and len(each.points) > 1), None)


def _signed(name: str, change: float, now: float) -> str:
    """With its sign, and as many decimals as the value has."""
    unit = FIGURES[name].unit if name in FIGURES else "score"
    if unit == "ratio":
        # Of shares: in points of a hundred, as a change in percent could be read as relative.
        return f"{_plus(change)}{share_text(change).replace('%', 'points')}"
    if unit == "usd":
        return f"{_plus(change)}{usd(abs(change))}" if change >= 0 else f"\N{MINUS SIGN}{usd(abs(change))}"
    return f"{_plus(change)}{decimal(change, decimals(now)) if unit == 'score' else value_text(name, change)}"


def _plus(change: float) -> str:
    return "+" if change > 0 else ""


def _skipped(before: str, now: str) -> str:
    """Names the day that was compared with where it is not the one before."""
    then, day = _day(before), _day(now)
    return "" if then is None or day is None or then == day - timedelta(days=1) else f" since {short_day(before)}"


def _within_a_week(point: SeriesPoint, day: date) -> bool:
    then = _day(point.day)
    return then is not None and day - timedelta(days=N_DAYS) <= then < day


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
