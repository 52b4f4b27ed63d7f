"""The plots of the weekly report. Each is a figure with its words, or one sentence when there is nothing to draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from millrace.records.evals import CategoryCoverage
from millrace.records.report import Failures, FailureShare, ReportedEstimate, ScoreDistribution, WeekNumbers
from millrace.records.triage import FailureType
from millrace.reports import svg
from millrace.reports.document import Figure, Paragraph
from millrace.reports.painting import band_of, name_rows, paint_line, whole_numbers
from millrace.reports.wording import counted, decimal, estimate_text, number, spoken

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_IN = 0.42  # height of a horizontal bar with its gap, inches
FRAME_IN = 1.25  # title, axis and margins, inches
TREND_COLUMNS = 3


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
        paint=lambda panels: _paint_failures(panels[0], rows),
        height_in=FRAME_IN + ROW_IN * len(rows),
    )


def groundedness_plot(scores: ScoreDistribution) -> Figure | Paragraph:
    """Histogram of the groundedness scores, with the threshold."""
    if scores.n_scored == 0:
        return Paragraph("No trace has a groundedness score: nothing to plot.")
    told = (
        f"Histogram of groundedness over {counted(scores.n_scored, 'trace')}; mean {estimate_text(scores.mean)}; "
        f"share below the threshold {decimal(scores.threshold)}: {estimate_text(scores.below)}."
    )
    return Figure(
        name="groundedness",
        alt=told,
        caption="Traces by groundedness, 0 (nothing supported) to 1 (all supported); the dashed line is the threshold "
        "of triage.",
        paint=lambda panels: _paint_histogram(panels[0], scores),
        height_in=3.4,
    )


def golden_plot(categories: list[CategoryCoverage]) -> Figure | Paragraph:
    """Golden rows by category, eval and train apart."""
    if not categories:
        return Paragraph("The golden dataset has no rows: nothing to plot.")
    told = "; ".join(f"{spoken(row.category)}: eval {row.n_eval}, train {row.n_train}" for row in categories)
    return Figure(
        name="golden",
        alt=f"Golden rows by category and split: {told}",
        caption="Rows of the golden dataset by what was wrong with the answer given; each near-duplicate group belongs "
        "to one split for good.",
        paint=lambda panels: _paint_golden(panels[0], categories),
        height_in=FRAME_IN + 0.3 + ROW_IN * len(categories),
    )


def trend_plot(weeks: Sequence[WeekNumbers]) -> Figure | Paragraph:
    """Share of failures over weeks, all and each type that occurred, with Wilson bands; each panel has its scale."""
    shares = _shares_over_weeks(weeks)
    if not shares:
        return Paragraph(f"No failure in {counted(len(weeks), 'week')}: nothing to plot.")
    told = "; ".join(
        f"{name} " + ", ".join("not defined" if each.mean is None else decimal(each.mean) for each in line)
        for name, line in shares.items()
    )
    names = [week.week for week in weeks]
    return Figure(
        name="trend",
        alt=f"Share of failures by week, {names[0]} to {names[-1]}: {told}",
        caption="Share of triaged traces by week, each panel with its own scale; the band is the 95 % Wilson interval.",
        paint=lambda panels: _paint_trends(panels, names, shares),
        height_in=0.4 + 1.6 * -(-len(shares) // TREND_COLUMNS),
        n_panels=len(shares),
        n_columns=TREND_COLUMNS,
    )


def _shares_over_weeks(weeks: Sequence[WeekNumbers]) -> dict[str, list[ReportedEstimate]]:
    """All failures, then each type that occurred in any of the weeks; empty when none did."""
    if not any(week.failures.n_failures for week in weeks):
        return {}
    shares = {"all failures": [week.failures.share for week in weeks]}
    for name in get_args(FailureType):
        rows = [next(row for row in week.failures.by_type if row.failure_type == name) for week in weeks]
        if any(row.n for row in rows):
            shares[spoken(name)] = [row.share for row in rows]
    return shares


def groundedness_weeks_plot(weeks: Sequence[WeekNumbers]) -> Figure | None:
    """Mean groundedness over weeks; None unless two weeks have one."""
    means = [week.groundedness for week in weeks]
    if sum(mean.mean is not None for mean in means) < 2:
        return None
    names = [week.week for week in weeks]
    told = ", ".join("not defined" if mean.mean is None else decimal(mean.mean) for mean in means)
    return Figure(
        name="groundedness-weeks",
        alt=f"Mean groundedness by week, {names[0]} to {names[-1]}: {told}",
        caption="Mean groundedness by week, with its 95 % interval (Student).",
        paint=lambda panels: paint_line(
            panels[0], names, [band_of(mean) for mean in means], "Mean groundedness by week", (0.0, 1.0)
        ),
        height_in=2.3,
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
    name_rows(axes, [spoken(row.failure_type) for row in rows])


def _paint_histogram(axes: "Axes", scores: ScoreDistribution) -> None:
    lefts, rights = scores.edges[:-1], scores.edges[1:]
    widths = [right - left for left, right in zip(lefts, rights, strict=True)]
    colours = [svg.ALERT if right <= scores.threshold + 1e-9 else svg.FIRST for right in rights]
    axes.bar(lefts, scores.counts, width=[0.92 * width for width in widths], align="edge", color=colours)
    axes.axvline(scores.threshold, color=svg.INK, linestyle="--", linewidth=1.2)
    axes.annotate(
        f"threshold {decimal(scores.threshold)}",
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
    whole_numbers(axes, "y")


def _paint_golden(axes: "Axes", categories: list[CategoryCoverage]) -> None:
    places = range(len(categories))
    n_eval = [row.n_eval for row in categories]
    n_train = [row.n_train for row in categories]
    axes.barh(places, n_eval, height=0.62, color=svg.FIRST, label="eval")
    axes.barh(places, n_train, left=n_eval, height=0.62, color=svg.SECOND, label="train")
    axes.set_title("Golden rows by category and split")
    axes.set_xlabel("Golden rows (count)")
    axes.legend(loc="upper right", bbox_to_anchor=(1, 1.16), ncols=2, borderaxespad=0)
    whole_numbers(axes, "x")
    name_rows(axes, [spoken(row.category) for row in categories])


def _paint_trends(panels: "Sequence[Axes]", names: list[str], shares: dict[str, list[ReportedEstimate]]) -> None:
    for axes, (title, line) in zip(panels, shares.items(), strict=True):
        top = max(each.high or 0.0 for each in line)
        paint_line(axes, names, [band_of(each) for each in line], title.capitalize(), (0.0, min(1.0, 1.1 * top)))
