"""The plots of the daily report; where there is nothing to draw there is None."""

import re
from collections.abc import Sequence
from datetime import date
from functools import partial
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from millrace.monitoring.figures import FIGURES
from millrace.records.daily_report import FigureSeries, MetricSummary
from millrace.records.monitoring import JudgeCorrection
from millrace.records.report import ReportedEstimate
from millrace.reports import svg
from millrace.reports.document import Figure
from millrace.reports.figures import metric_title, share_text, short_day, value_text
from millrace.reports.painting import Band, paint_line, whole_numbers
from millrace.reports.wording import estimate_text, excerpt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_COLUMNS = 3
MAX_PANELS = 12
_ZEROS = re.compile(r"(\d)\.0+(?!\d)")
_TITLE = 22  # characters of a panel's title, on each of two lines


def histograms(metrics: Sequence[MetricSummary]) -> Figure | None:
    """How the values of each metric spread, a panel for each."""
    drawn = [metric for metric in metrics if sum(metric.counts)][:MAX_PANELS]
    if not drawn:
        return None
    told = "; ".join(f"{metric_title(metric.title)} mean {estimate_text(metric.mean)}" for metric in drawn)
    return Figure(
        name="metrics",
        alt=f"Histograms of the metrics' values: {told}",
        caption="Traces by value, 0 (worst) to 1 (best), each panel with its own scale; the dashed line is the mean.",
        paint=lambda panels: _paint_histograms(panels, drawn),
        height_in=_height(len(drawn), 1.75),
        n_panels=len(drawn),
        n_columns=min(N_COLUMNS, max(2, len(drawn))),
    )


def corrections_plot(names: Sequence[str], corrections: Sequence[JudgeCorrection]) -> Figure | None:
    """Judge alone, people alone, and corrected, with their intervals, for each metric."""
    drawn = [pair for pair in zip(names, corrections, strict=True) if pair[1].corrected.mean is not None]
    if not drawn:
        return None
    told = "; ".join(f"{name} {estimate_text(each.corrected)}" for name, each in drawn)
    return Figure(
        name="corrected",
        alt=f"Share of good answers, corrected by people: {told}",
        caption="Share of good answers with 95 % intervals. The judge alone is sure of itself but can be wrong, people "
        "alone are trusted but few; the corrected share is trusted too, and as narrow as the judge allows.",
        paint=lambda panels: _paint_corrections(panels[0], drawn),
        height_in=0.75 + 1.0 * len(drawn),
    )


def trends(series: Sequence[FigureSeries]) -> Figure | None:
    """Figures over the last days with their intervals, a panel for each."""
    drawn = [each for each in series if sum(point.value is not None for point in each.points) > 1][:MAX_PANELS]
    if not drawn:
        return None
    first, last = drawn[0].points[0].day, drawn[0].points[-1].day
    told = "; ".join(f"{excerpt(each.title, 60)} {_told(each)}" for each in drawn)
    return Figure(
        name="trends",
        alt=f"Figures by day, {first} to {last}: {told}",
        caption="Each panel with its own scale; the band is the 95 % interval, the dot is this day.",
        paint=lambda panels: _paint_trends(panels, drawn),
        height_in=_height(len(drawn), 1.75),
        n_panels=len(drawn),
        n_columns=min(N_COLUMNS, max(2, len(drawn))),
    )


def _height(n_panels: int, row_in: float) -> float:
    return 0.35 + row_in * ceil(n_panels / min(N_COLUMNS, max(2, n_panels)))


def _told(series: FigureSeries) -> str:
    return ", ".join(
        "not defined" if each.value is None else value_text(series.name, each.value) for each in series.points[-7:]
    )


def _paint_histograms(panels: "Sequence[Axes]", metrics: Sequence[MetricSummary]) -> None:
    for axes, metric in zip(panels, metrics, strict=True):
        widths = [right - left for left, right in zip(metric.edges, metric.edges[1:], strict=False)]
        axes.bar(
            metric.edges[:-1], metric.counts, width=[0.88 * width for width in widths], align="edge", color=svg.FIRST
        )
        if metric.mean.mean is not None:
            axes.axvline(metric.mean.mean, color=svg.INK, linestyle="--", linewidth=1.1)
        axes.set_title(_title(metric_title(metric.title)), fontsize=11)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=9.5)
        axes.tick_params(axis="y", labelsize=9.5)
        axes.grid(axis="y")
        whole_numbers(axes, "y")
        axes.locator_params(axis="y", nbins=3)
    _apart(panels)


def _paint_corrections(axes: "Axes", drawn: Sequence[tuple[str, JudgeCorrection]]) -> None:
    from matplotlib.ticker import FuncFormatter

    ticks: list[float] = []
    labels: list[str] = []
    for place, (name, each) in enumerate(drawn):
        top = 4.0 * place
        head = excerpt(name, 2 * _TITLE)
        told = axes.text(0, top, head, transform=axes.get_yaxis_transform(), fontweight="bold", va="center")
        told.set_in_layout(False)
        rows = (
            ("judge alone", each.naive, svg.FIRST),
            ("people alone", each.people, svg.SECOND),
            ("corrected", each.corrected, svg.INK),
        )
        for step, (label, share, colour) in enumerate(rows, start=1):
            ticks.append(top + step * 0.9)
            labels.append(label)
            _paint_interval(axes, share, top + step * 0.9, colour)
    axes.set_yticks(ticks, labels, fontsize=10)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(4.0 * len(drawn) - 0.6, -0.7)
    axes.spines["left"].set_visible(False)
    axes.set_xlim(*_limits(drawn))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: share_text(round(value, 3))))
    axes.locator_params(axis="x", nbins=6)
    axes.grid(axis="x")


def _paint_interval(axes: "Axes", share: ReportedEstimate, place: float, colour: str) -> None:
    if share.mean is None:
        axes.text(0, place, "  not defined", transform=axes.get_yaxis_transform(), va="center", fontsize=9.5)
        return
    low, high = (share.mean if end is None else end for end in (share.low, share.high))
    axes.plot([low, high], [place, place], color=colour, linewidth=3.2, solid_capstyle="round")
    axes.plot([share.mean], [place], color=svg.INK, marker="o", markersize=6.5, linestyle="none")
    axes.annotate(share_text(share.mean), (high, place), xytext=(7, 0), textcoords="offset points", va="center")


def _limits(drawn: Sequence[tuple[str, JudgeCorrection]]) -> tuple[float, float]:
    """Where the intervals lie, with room for the numbers at their right."""
    shares = [share for _, each in drawn for share in (each.naive, each.people, each.corrected)]
    ends = [end for share in shares for end in (share.low, share.mean, share.high) if end is not None]
    low, high = min(ends), max(ends)
    room = max(high - low, 0.05)
    return max(-0.02, low - 0.15 * room), min(1.1, high + 0.18 * room)


def _paint_trends(panels: "Sequence[Axes]", drawn: Sequence[FigureSeries]) -> None:
    from matplotlib.ticker import FuncFormatter

    for axes, series in zip(panels, drawn, strict=True):
        names = [short_day(point.day) for point in series.points]
        line: list[Band] = [(point.value, point.low, point.high) for point in series.points]
        paint_line(
            axes,
            names,
            line,
            _title(series.title),
            _range(series.name, line),
            places=_places(series),
            told=partial(value_text, series.name),
        )
        axes.yaxis.set_major_formatter(FuncFormatter(partial(_tick, series.name)))
    _apart(panels)


def _tick(name: str, value: float, _place: int) -> str:
    """The value without zeros that say nothing: ``4 s``, not ``4.00 s``."""
    return _ZEROS.sub(r"\1", value_text(name, round(value, 9)))


def _apart(panels: "Sequence[Axes]") -> None:
    """More room between panels, so that titles are not read with the axis above them."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = panels[0].get_figure(root=True)
    engine = None if figure is None else figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(h_pad=0.11, w_pad=0.07)  # inches


def _range(name: str, line: Sequence[Band]) -> tuple[float, float]:
    """From a little below the least to a little above the most; a share stays between 0 and 1."""
    ends = [end for band in line for end in band if end is not None]
    low, high = min(ends), max(ends)
    room = 0.12 * ((high - low) or abs(high) or 1.0)
    unit = FIGURES[name].unit if name in FIGURES else "score"
    signed = low < 0
    bottom = low - room if signed else max(0.0, low - room)
    top = high + room
    return (bottom, min(1.0, top) if unit == "ratio" and high <= 1 and bottom < 1 else top)


def _places(series: FigureSeries) -> list[int]:
    """Days since the first; where a day is no date, one after the other."""
    try:
        days = [date.fromisoformat(point.day).toordinal() for point in series.points]
    except ValueError:
        return list(range(len(series.points)))
    return [day - days[0] for day in days]


def _title(title: str) -> str:
    """On two lines at most; signs of East Asian scripts are twice as wide as others."""
    wide = any(east_asian_width(sign) in "FW" for sign in title)
    size = _TITLE // 2 if wide else _TITLE
    lines = wrap(excerpt(title, 2 * size), size)
    return "\n".join(lines[:2])
