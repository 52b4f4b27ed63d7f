"""A figure of today beside the days before it, on the scale on which it is judged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.monitoring.figures import FIGURES
from millrace.records.monitoring import DayFigure

Floats = npt.NDArray[np.float64]
Key = tuple[str, str | None]

_COLUMNS = ("day", "name", "label", "value", "low", "high", "n")
_SKEWED_UNITS = ("seconds", "usd", "tokens", "count")
_WEEK_EXPLAINS = 0.8  # of the mean deviation must be left, or less; without weeks 1.1 is left


@dataclass(frozen=True, eq=False)
class DailySeries:
    """A figure of today and its earlier days, oldest first.

    Times, costs and counts above 0 are judged by their logarithm: they vary in proportion. Where weekdays explain a
    good part of the variation, each day is held against the median of the other days of its weekday, else against the
    median of all.

    Attributes:
        today: with a value.
        days, values, lows, highs, sizes: of the earlier days, shape (n_days,); NaN for an interval that is missing.
        is_log: whether ``residuals``, ``centre`` and ``deviation`` are of logarithms.
        comparable: the earlier days that today is held against: all, or those of its weekday.
        residuals: what the earlier days are above the days that they are held against, shape (n_days,).
        centre: the median of the comparable days.
        deviation: today's value less the centre.
    """

    today: DayFigure
    days: tuple[str, ...]
    values: Floats
    lows: Floats
    highs: Floats
    sizes: Floats
    is_log: bool
    comparable: npt.NDArray[np.bool_]
    residuals: Floats
    centre: float
    deviation: float

    @property
    def key(self) -> Key:
        return self.today.name, self.today.label

    @property
    def value(self) -> float:
        """Today's; a figure without a value makes no series."""
        return float("nan") if self.today.value is None else self.today.value

    def raw(self, deviation: float) -> float:
        """The figure that lies so far above the centre, in its own unit."""
        judged = self.centre + deviation
        return float(np.exp(np.clip(judged, -700, 700))) if self.is_log else judged


def daily_series(
    today: Iterable[DayFigure], earlier: pa.Table, *, n_days: int, min_days: int, ignored: Sequence[str] = ()
) -> list[DailySeries]:
    """The figures of today that have a value and enough days before, in order of name and label.

    Args:
        today: figures of one day.
        earlier: table of DayFigure in any order; rows of today, of later days and of more than ``n_days`` calendar
            days before count for nothing, nor do rows without a value. Of two rows for one figure and day the last
            counts.
        n_days: calendar days before today that are looked at.
        min_days: least number of them that have a value.
        ignored: names of figures that are left out.

    Raises:
        BadInputError: a day that is none, or two figures of today with one name and label.
    """
    known = [figure for figure in today if figure.value is not None and figure.name not in ignored]
    keys = [(figure.name, figure.label) for figure in known]
    if len(set(keys)) < len(keys):
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        raise BadInputError(f"figures that are given twice for one day: {', '.join(twice)}", keys=twice)
    if len({figure.day for figure in known}) > 1:
        raise BadInputError("figures of several days; anomalies are sought in one")
    rows = _rows(known[0].day, earlier, n_days) if known else {}
    found = [
        _series(figure, rows[key])
        for figure, key in zip(known, keys, strict=True)
        if len(rows.get(key, {})) >= max(2, min_days)
    ]
    return sorted(found, key=lambda series: (series.today.name, series.today.label or ""))


def _rows(day: str, earlier: pa.Table, n_days: int) -> dict[Key, dict[str, list[float]]]:
    """Value, interval and size by figure and day."""
    first = (_date(day) - timedelta(days=n_days)).isoformat()
    column = earlier.column("day")
    kept = pc.and_(pc.and_(pc.greater_equal(column, first), pc.less(column, day)), pc.is_valid(earlier.column("value")))
    rows: dict[Key, dict[str, list[float]]] = {}
    columns = (earlier.filter(kept).column(name).to_pylist() for name in _COLUMNS)
    for its_day, name, label, *numbers in zip(*columns, strict=True):
        rows.setdefault((name, label), {})[its_day] = [np.nan if number is None else number for number in numbers]
    return rows


def _date(day: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise BadInputError(f"no day {day!r}: give one as 2026-11-20", day=day) from error


def _series(today: DayFigure, rows: dict[str, list[float]]) -> DailySeries:
    days = tuple(sorted(rows))
    values, lows, highs, sizes = np.array([rows[day] for day in days], dtype=np.float64).T
    value = float(today.value or 0.0)
    known = FIGURES.get(today.name)
    is_log = known is not None and known.unit in _SKEWED_UNITS and value > 0 and bool((values > 0).all())
    judged, own = (np.log(values), float(np.log(value))) if is_log else (values, value)
    weekdays = np.array([_date(day).weekday() for day in days])
    comparable, residuals = _held_against(judged, weekdays, _date(today.day).weekday())
    centre = float(np.median(judged[comparable]))
    return DailySeries(
        today, days, values, lows, highs, sizes, is_log, comparable, residuals, centre, deviation=own - centre
    )


def _held_against(
    values: Floats, weekdays: npt.NDArray[np.int64], weekday: int
) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which days today is held against, and the residuals of all."""
    plain = values - np.median(values)
    everyone = np.ones(len(values), dtype=np.bool_)
    sizes = np.bincount(weekdays, minlength=7)
    if sizes[weekday] < 2 or (sizes == 1).any():
        return everyone, plain
    weekly = np.zeros(len(values))
    for each in np.flatnonzero(sizes):
        own = values[weekdays == each]
        others = np.tile(own, (len(own), 1))[~np.eye(len(own), dtype=np.bool_)].reshape(len(own), -1)
        weekly[weekdays == each] = own - np.median(others, axis=1)
    if np.abs(weekly).sum() <= _WEEK_EXPLAINS * np.abs(plain).sum() and np.abs(plain).sum() > 0:
        return weekdays == weekday, weekly
    return everyone, plain
