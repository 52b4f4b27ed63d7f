"""What plots share: lines over time with their intervals, names of bars, axes of counts."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from millrace.records.report import ReportedEstimate
from millrace.reports import svg
from millrace.reports.wording import decimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Band = tuple[float | None, float | None, float | None]
"""A value with the lower and upper end of its interval."""


def band_of(estimate: ReportedEstimate) -> Band:
    """An estimate as a place on a line."""
    return estimate.mean, estimate.low, estimate.high


def paint_line(
    axes: "Axes",
    names: Sequence[str],
    line: Sequence[Band],
    title: str,
    limits: tuple[float, float],
    *,
    places: Sequence[int] | None = None,
    told: Callable[[float], str] = decimal,
) -> None:
    """Values over time with their intervals as a band; times without a value are gaps.

    Args:
        names: of the times, the first and the last of which are written.
        places: on the axis of time, beginning with 0; without them one after the other.
        told: how the last value is written.
    """
    places = list(range(len(line))) if places is None else list(places)
    means, lows, highs = ([_or_gap(value) for value in column] for column in _columns(line))
    axes.fill_between(places, lows, highs, color=svg.FIRST, alpha=0.3, linewidth=0)
    axes.plot(places, means, color=svg.FIRST, linewidth=1.8, marker="o", markersize=3)
    last = line[-1][0]
    if last is not None:
        axes.plot(places[-1:], [last], color=svg.ALERT, marker="o", markersize=5, linestyle="none")
        axes.annotate(told(last), (places[-1], last), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_title(title, fontsize=11)
    axes.set_xticks([places[0], places[-1]], [names[0], names[-1]], fontsize=9.5)
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.get_xticklabels()[-1].set_horizontalalignment("right")
    axes.set_xlim(-0.2, places[-1] * 1.04 + 0.2)
    axes.set_ylim(*limits)
    axes.tick_params(axis="y", labelsize=9.5)
    axes.locator_params(axis="y", nbins=3)
    axes.grid(axis="y")


def name_rows(axes: "Axes", names: Sequence[str]) -> None:
    """Names of horizontal bars, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def whole_numbers(axes: "Axes", axis: Literal["x", "y"]) -> None:
    """An axis of counts."""
    from matplotlib.ticker import MaxNLocator

    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _columns(line: Sequence[Band]) -> tuple[list[float | None], list[float | None], list[float | None]]:
    """Value, lower and upper end; where there is no interval, the value stands for its ends."""
    means = [mean for mean, _, _ in line]
    lows = [mean if low is None else low for mean, low, _ in line]
    highs = [mean if high is None else high for mean, _, high in line]
    return means, lows, highs


def _or_gap(value: float | None) -> float:
    return float("nan") if value is None else value  # matplotlib's own word for a gap; it is drawn as nothing
