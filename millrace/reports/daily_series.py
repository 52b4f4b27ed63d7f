"""The figures of a day beside those of the days before it."""

from collections.abc import Sequence

import pyarrow as pa

from millrace.monitoring.figures import FIGURES
from millrace.records.daily_report import FigureSeries, SeriesPoint
from millrace.records.monitoring import DayFigure

MAX_DAYS = 30
_COLUMNS = ["day", "name", "label", "value", "low", "high", "n"]
Key = tuple[str, str | None]


def figure_series(today: Sequence[DayFigure], earlier: pa.Table) -> list[FigureSeries]:
    """Every figure that has a value on at least two days, this day last, in the order of the register and by label.

    Args:
        today: the day's figures.
        earlier: table of DayFigure, days in order; the last ``MAX_DAYS`` - 1 with the figure are taken.
    """
    points: dict[Key, list[SeriesPoint]] = {}
    for row in earlier.select(_COLUMNS).to_pylist():
        points.setdefault((row.pop("name"), row.pop("label")), []).append(SeriesPoint(**row))
    series = [_series(figure, points.get((figure.name, figure.label), [])) for figure in today]
    place = {name: number for number, name in enumerate(FIGURES)}
    told = [each for each in series if sum(point.value is not None for point in each.points) > 1]
    return sorted(told, key=lambda each: (place[each.name], each.label or ""))


def _series(figure: DayFigure, before: Sequence[SeriesPoint]) -> FigureSeries:
    now = SeriesPoint(day=figure.day, value=figure.value, low=figure.low, high=figure.high, n=figure.n)
    title = FIGURES[figure.name].meaning if figure.label is None else f"{FIGURES[figure.name].meaning}: {figure.label}"
    return FigureSeries(name=figure.name, label=figure.label, title=title, points=[*before[-(MAX_DAYS - 1) :], now])
