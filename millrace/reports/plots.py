"""The plots of the weekly report. Each is a figure with its words, or one sentence when there is nothing to draw."""

from typing import TYPE_CHECKING

from millrace.records.report import CategoryCount, Failures, FailureShare, Groups, GroupSummary, ScoreDistribution
from millrace.reports import svg
from millrace.reports.document import Figure, Paragraph
from millrace.reports.wording import counted, estimate_text, excerpt, number, spoken

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_IN = 0.42  # height of a horizontal bar with its gap, inches
FRAME_IN = 1.25  # title, axis and margins, inches


def failures_plot(failures: Failures) -> Figure | Paragraph:
    """Share of each failure type, with its interval."""
    if failures.n_triaged == 0:
        return Paragraph("No trace was triaged, so there are no failures to plot.")
    if failures.n_failures == 0:
        return Paragraph(f"No failure among {counted(failures.n_triaged, 'triaged trace')}: nothing to plot.")
    rows = failures.by_type
    told = "; ".join(f"{spoken(row.failure_type)} {estimate_text(row.share)}" for row in rows)
    return Figure(
        name="failures",
        alt=f"Failures by type: {told}",
        caption="Number of traces beside each bar; the line is the 95 % Wilson interval of the share.",
        paint=lambda axes: _paint_failures(axes, rows),
        height_in=FRAME_IN + ROW_IN * len(rows),
    )


def groundedness_plot(scores: ScoreDistribution) -> Figure | Paragraph:
    """Histogram of the groundedness scores, with the threshold."""
    if scores.n_scored == 0:
        return Paragraph("No trace has a groundedness score: nothing to plot.")
    told = (
        f"Histogram of groundedness over {counted(scores.n_scored, 'trace')}; mean {estimate_text(scores.mean)}; "
        f"share below the threshold {scores.threshold:.2f}: {estimate_text(scores.below)}."
    )
    return Figure(
        name="groundedness",
        alt=told,
        caption="Traces by groundedness, 0 (nothing supported) to 1 (all supported); the dashed line is the threshold "
        "of triage.",
        paint=lambda axes: _paint_histogram(axes, scores),
        height_in=3.4,
    )


def golden_plot(categories: list[CategoryCount]) -> Figure | Paragraph:
    """Golden rows by category, eval and train apart."""
    if not categories:
        return Paragraph("The golden dataset has no rows: nothing to plot.")
    told = "; ".join(f"{spoken(row.category)}: eval {row.n_eval}, train {row.n_train}" for row in categories)
    return Figure(
        name="golden",
        alt=f"Golden rows by category and split: {told}",
        caption="Rows of the golden dataset by what was wrong with the answer given; each near-duplicate group belongs "
        "to one split for good.",
        paint=lambda axes: _paint_golden(axes, categories),
        height_in=FRAME_IN + 0.3 + ROW_IN * len(categories),
    )


def groups_plot(groups: Groups) -> Figure | Paragraph:
    """Sizes of the largest groups of failures."""
    if not groups.largest:
        return Paragraph("No failures were grouped: nothing to plot.")
    rows = groups.largest
    told = "; ".join(f"{spoken(row.failure_type)}, {excerpt(row.label, 60)}: {row.size}" for row in rows)
    return Figure(
        name="groups",
        alt=f"Largest groups of failures: {told}",
        caption=f"The largest {number(len(rows))} of {counted(groups.n_groups, 'group')} of failures with similar "
        "questions, by number of traces.",
        paint=lambda axes: _paint_groups(axes, rows),
        height_in=FRAME_IN + ROW_IN * len(rows),
    )


def _paint_failures(axes: "Axes", rows: list[FailureShare]) -> None:
    places = range(len(rows))
    means = [row.share.mean or 0.0 for row in rows]
    lows = [mean - (row.share.low or 0.0) for mean, row in zip(means, rows, strict=True)]
    highs = [(row.share.high or 0.0) - mean for mean, row in zip(means, rows, strict=True)]
    axes.barh(places, means, height=0.62, color=svg.FIRST)
    axes.errorbar(means, places, xerr=[lows, highs], fmt="none", ecolor=svg.INK, elinewidth=1.1, capsize=3)
    for place, mean, high, row in zip(places, means, highs, rows, strict=True):
        axes.annotate(number(row.n), (mean + high, place), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_title("Failures by type")
    axes.set_xlabel("Share of triaged traces (0 to 1)")
    axes.set_xlim(0, min(1.08, 1.12 * max(mean + high for mean, high in zip(means, highs, strict=True))))
    _name_rows(axes, [spoken(row.failure_type) for row in rows])


def _paint_histogram(axes: "Axes", scores: ScoreDistribution) -> None:
    lefts, rights = scores.edges[:-1], scores.edges[1:]
    widths = [right - left for left, right in zip(lefts, rights, strict=True)]
    colours = [svg.ALERT if right <= scores.threshold + 1e-9 else svg.FIRST for right in rights]
    axes.bar(lefts, scores.counts, width=[0.92 * width for width in widths], align="edge", color=colours)
    axes.axvline(scores.threshold, color=svg.INK, linestyle="--", linewidth=1.2)
    axes.annotate(
        f"threshold {scores.threshold:.2f}",
        (scores.threshold, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(5, -2) if scores.threshold < 0.7 else (-5, -2),
        textcoords="offset points",
        ha="left" if scores.threshold < 0.7 else "right",
        va="top",
    )
    axes.set_title("Groundedness of answers")
    axes.set_xlabel("Groundedness (0 to 1)")
    axes.set_ylabel("Traces (count)")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.15 * max(scores.counts))
    axes.grid(axis="y")
    _whole_numbers(axes, "y")


def _paint_golden(axes: "Axes", categories: list[CategoryCount]) -> None:
    places = range(len(categories))
    n_eval = [row.n_eval for row in categories]
    n_train = [row.n_train for row in categories]
    axes.barh(places, n_eval, height=0.62, color=svg.FIRST, label="eval")
    axes.barh(places, n_train, left=n_eval, height=0.62, color=svg.SECOND, label="train")
    axes.set_title("Golden rows by category and split")
    axes.set_xlabel("Golden rows (count)")
    axes.legend(loc="upper right", bbox_to_anchor=(1, 1.16), ncols=2, borderaxespad=0)
    _whole_numbers(axes, "x")
    _name_rows(axes, [spoken(row.category) for row in categories])


def _paint_groups(axes: "Axes", rows: list[GroupSummary]) -> None:
    sizes = [row.size for row in rows]
    bars = axes.barh(range(len(rows)), sizes, height=0.62, color=svg.FIRST)
    axes.bar_label(bars, [number(size) for size in sizes], padding=5)
    axes.set_title("Largest groups of failures")
    axes.set_xlabel("Traces (count)")
    axes.set_xlim(0, 1.1 * max(sizes))
    _whole_numbers(axes, "x")
    _name_rows(axes, [f"{spoken(row.failure_type)}: {excerpt(row.label, 34)}" for row in rows])


def _name_rows(axes: "Axes", names: list[str]) -> None:
    """Names of horizontal bars, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def _whole_numbers(axes: "Axes", axis: str) -> None:
    from matplotlib.ticker import MaxNLocator

    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_locator(MaxNLocator(nbins=6, integer=True))
