"""What changed: the main figures over the last days, and what does not fit them."""

from collections.abc import Mapping, Sequence

from millrace.monitoring.figures import FIGURES
from millrace.records.daily_report import DailyReport, FigureSeries, MetricSummary
from millrace.records.monitoring import Anomaly
from millrace.reports.daily_plots import MAX_PANELS, trends
from millrace.reports.daily_watch import canary_blocks, drift_blocks
from millrace.reports.document import Block, Cell, Folded, Heading, Paragraph, Table, Tag
from millrace.reports.figures import between, figure_name, metric_title, short_day, significant, value_text
from millrace.reports.history import change_cell, compare, usual_text
from millrace.reports.rows import Lists
from millrace.reports.wording import counted, decimal, number, spoken

MAIN = {
    "pipeline/traces": "Traces",
    "pipeline/failed_share": "Failed traces",
    "hallucination/groundedness": "Groundedness",
    "evaluation/metric": "Metric",
    "evaluation/corrected_share": "Good by people and judge",
    "retrieval/top_score_p50": "Best passage's score, median",
    "retrieval/empty_share": "Searches that found nothing",
    "pipeline/latency_p95": "Time, 95th percentile",
    "feedback/positive_share": "Rated good by users",
    "llm/cost": "Cost of answering",
}
"""Figures that are drawn, in this order, and what they are called; of those with a label as many as there is room for.
"""

_ORDER = list(MAIN)
_SAME = {("evaluation/metric", "groundedness"): "hallucination/groundedness"}
_MAX_ANOMALIES = 30


def change_blocks(report: DailyReport, lists: Lists) -> tuple[Block, ...]:
    """Trends, anomalies, the retrieval canary and drift."""
    return (
        *_trend_blocks(report),
        *_anomaly_blocks(report),
        *canary_blocks(report.canary),
        *drift_blocks(report.drift, lists),
    )


def main_series(series: Sequence[FigureSeries], metrics: Sequence[MetricSummary] = ()) -> list[FigureSeries]:
    """The series to draw, with short titles: one of each main figure first, then further labels, in the order of MAIN.

    Args:
        metrics: give their titles to the series that have one of them as label.
    """
    known = {each.name for each in series}
    chosen = [
        each
        for each in series
        if each.name in MAIN
        and sum(point.value is not None for point in each.points) > 1
        and _SAME.get((each.name, each.label or "")) not in known
    ]
    first_of: dict[str, int] = {}
    for place, each in enumerate(chosen):
        first_of.setdefault(each.name, place)
    rank = [first_of[each.name] != place for place, each in enumerate(chosen)]
    kept = sorted(range(len(chosen)), key=lambda place: (rank[place], _ORDER.index(chosen[place].name), place))
    drawn = sorted((chosen[place] for place in kept[:MAX_PANELS]), key=lambda each: _ORDER.index(each.name))
    titles = {metric.metric: metric_title(metric.title) for metric in metrics}
    return [each.model_copy(update={"title": _title(each, titles)}) for each in drawn]


def _title(series: FigureSeries, titles: Mapping[str, str]) -> str:
    if series.label is None:
        return MAIN[series.name]
    label = titles.get(series.label) or metric_title(spoken(series.label))
    return label if series.name == "evaluation/metric" else f"{MAIN[series.name]}: {label}"


def _trend_blocks(report: DailyReport) -> tuple[Block, ...]:
    drawn = main_series(report.series, report.metrics)
    plot = trends(drawn)
    if plot is None:
        text = "There is no earlier day to compare with yet: lines over time begin with the second day."
        return (Heading("trends", "Over the last days"), Paragraph(text))
    rows = tuple(_trend_row(each) for each in drawn)
    header = ("Figure", "This day", "Change", "Usual")
    explained = (
        "The change is against the day before, and called better or worse where it is beyond chance. Usual is the "
        "median of the seven days before."
    )
    return (
        Heading("trends", "Over the last days"),
        plot,
        Folded(
            "trend-numbers", "The main figures in numbers", (Table(header, rows, first_number=4), Paragraph(explained))
        ),
    )


def _trend_row(series: FigureSeries) -> tuple[Cell, ...]:
    compared = compare(series)
    now = value_text(series.name, compared.now.value)
    return (series.title, now, change_cell(compared), usual_text(compared))


def _anomaly_blocks(report: DailyReport) -> tuple[Block, ...]:
    found = report.anomalies
    heading = Heading("anomalies", "What does not fit the days before")
    if not found:
        none = "Every figure lies within what the days before make usual."
        untold = "No figure could be held against earlier days yet."
        return (heading, Paragraph(none if report.series else untold))
    rows = tuple(_anomaly(each) for each in found[:_MAX_ANOMALIES])
    left = len(found) - len(rows)
    header = ("Figure", "Value", "Usual", "Found by", "Since", "Days before")
    return (
        heading,
        Table(header, rows, first_number=5, widths=(21, 16, 21, 20, 11, 11)),
        Paragraph(
            "Usual is the median of the days before with, in brackets, the range outside of which a value stands out; "
            "for a new level it is the level before. Many figures are looked at each day, so one of them may stand out "
            "by chance."
        ),
        *((Paragraph(f"And {counted(left, 'figure')} more, which report.json holds."),) if left else ()),
    )


def _anomaly(found: Anomaly) -> tuple[Cell, ...]:
    usual = value_text(found.figure, found.expected)
    if found.low is not None or found.high is not None:
        usual += f" {between(value_text(found.figure, found.low), value_text(found.figure, found.high))}"
    return (
        figure_name(found.figure, found.label),
        (f"{value_text(found.figure, found.value)} ", *_direction(found)),
        usual,
        _method(found),
        "today" if found.since == found.day else short_day(found.since),
        number(found.n_days),
    )


def _direction(found: Anomaly) -> tuple[Tag, ...]:
    figure = FIGURES.get(found.figure)
    if figure is None or figure.better is None or found.value == found.expected:
        return ()
    good = (found.value > found.expected) == (figure.better == "higher")
    return (Tag("better", "good") if good else Tag("worse", "bad"),)


def _p_value(value: float) -> str:
    return f"p = {significant(value)}" if value >= 0.0001 else "p < 0.0001"


def _method(found: Anomaly) -> str:
    """How it was found, with how far out it is."""
    if found.method == "change_point":
        return f"new level ({_p_value(10**-found.score)})"
    if found.method == "iqr":
        return f"quartiles ({decimal(abs(found.score), 1)} times their distance)"
    return f"robust z = {decimal(found.score, 1)}"
