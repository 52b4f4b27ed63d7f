"""How good the answers were: every metric in its tier, and judges corrected by people."""

from collections.abc import Sequence
from typing import get_args

from millrace.records.daily_report import DailyReport, MetricSummary
from millrace.records.evaluation import MetricTier
from millrace.reports.daily_judges import judge_blocks
from millrace.reports.daily_plots import histograms
from millrace.reports.document import Block, Cell, Facts, Folded, Heading, Paragraph, Strong, Table
from millrace.reports.figures import metric_title
from millrace.reports.history import change_cell, compare, series_of, usual_text
from millrace.reports.rows import Lists
from millrace.reports.wording import (
    NOTHING,
    counted,
    estimate_text,
    excerpt,
    joined,
    listed,
    number,
    sentence_case,
    spoken,
)

MAX_METRICS = 40
_FEW = 30  # traces: below, intervals are so wide that single traces say more
_MAX_SOURCE, _MAX_MEANING, _MAX_SENTENCE = 120, 300, 400  # characters
_TIERS: dict[MetricTier, str] = {
    "model_free": "Without a judge",
    "ragas": "Judged by a model: Ragas",
    "deepeval": "Judged by a model: DeepEval",
}


def answer_blocks(report: DailyReport, lists: Lists) -> tuple[Block, ...]:
    """The metrics by tier with what changed, how their values spread, what was left out, and what people say."""
    metrics = report.metrics[:MAX_METRICS]
    plot = histograms(metrics)
    return (
        Paragraph(_evaluated(report)),
        *(block for tier in get_args(MetricTier) for block in _tier_blocks(report, metrics, tier, lists)),
        *_reading(report, metrics),
        *((plot,) if plot else ()),
        *_spread(metrics),
        *(_meanings(metrics) if report.sampling.n_sampled else ()),
        *_skipped(report),
        *judge_blocks(report),
    )


def _evaluated(report: DailyReport) -> str:
    sampling = report.sampling
    if sampling.n_sampled == 0:
        return "No trace was evaluated, so nothing is known of the answers of this day."
    few = "" if sampling.n_sampled >= _FEW else " These are few: read the traces themselves rather than the means."
    if sampling.seed is None:
        return f"{counted(sampling.n_sampled, 'trace')} {'was' if sampling.n_sampled == 1 else 'were'} evaluated.{few}"
    return (
        f"A sample of {number(sampling.n_sampled)} of {counted(sampling.n_traces, 'trace')} was evaluated (seed "
        f"{sampling.seed}); each counts for as many as it stands for.{few}"
    )


def _tier_blocks(
    report: DailyReport, metrics: Sequence[MetricSummary], tier: MetricTier, lists: Lists
) -> tuple[Block, ...]:
    """The metrics of a tier that were tried; a tier skipped as a whole is told of further down."""
    rows = [metric for metric in metrics if metric.tier == tier and not _all_skipped(metric)]
    if not rows or report.sampling.n_sampled == 0:
        return ()
    trend = any(series.name == "evaluation/metric" for series in report.series)
    names = ("Metric", "Mean", *(("Change", "Usual") if trend else ()), "Without a value")
    widths = (22, 32, 15, 10, 21) if trend else (26, 40, 34)
    cells = tuple(_row(report, metric, trend, lists) for metric in rows)
    return (Heading(f"tier-{tier}", _TIERS[tier]), Table(names, cells, first_number=len(names), widths=widths))


def _row(report: DailyReport, metric: MetricSummary, trend: bool, lists: Lists) -> tuple[Cell, ...]:
    changes: tuple[Cell, ...] = ()
    if trend:
        series = series_of(report.series, "evaluation/metric", metric.metric)
        compared = None if series is None else compare(series)
        changes = (change_cell(compared), usual_text(compared))
    title = lists.link(metric_title(metric.title), f"metric-{metric.metric}")
    return (title, _mean(metric), *changes, _without(metric))


def _mean(metric: MetricSummary) -> Cell:
    """The estimate with the number itself in front."""
    text = estimate_text(metric.mean)
    if metric.mean.mean is None:
        return text
    value, space, rest = text.partition(" ")
    return (Strong(value), space + rest)


def _without(metric: MetricSummary) -> str:
    """``12 undefined, 4 failed (no answer 12, timeout 4)``."""
    counts = [status for status in metric.statuses if status.name != "scored" and status.n]
    if not counts:
        return NOTHING
    told = ", ".join(f"{number(status.n)} {spoken(status.name)}" for status in counts)
    return f"{told} ({listed(metric.reasons)})" if metric.reasons else told


def _all_skipped(metric: MetricSummary) -> bool:
    return bool(metric.statuses) and all(count.name == "skipped" or not count.n for count in metric.statuses)


def _reading(report: DailyReport, metrics: Sequence[MetricSummary]) -> tuple[Block, ...]:
    """How to read the tables, where there are any."""
    if not any(metric.mean.mean is not None for metric in metrics):
        return ()
    text = (
        "Values lie between 0 (worst) and 1 (best), with their 95\N{NO-BREAK SPACE}% interval; failed traces enter no "
        "mean."
    )
    if any(series.name == "evaluation/metric" for series in report.series):
        text += (
            " The change is against the day before, and called better or worse where its own 95\N{NO-BREAK SPACE}% "
            "interval leaves out 0, which happens to one metric in twenty by chance. Usual is the median of the seven "
            "days before."
        )
    return (Paragraph(text),)


def _spread(metrics: Sequence[MetricSummary]) -> tuple[Block, ...]:
    """The histograms in numbers."""
    rows = tuple((metric_title(metric.title), _bins(metric)) for metric in metrics if sum(metric.counts))
    return (Folded("spread", "The values in numbers", (Facts(rows),)),) if rows else ()


def _bins(metric: MetricSummary) -> str:
    pairs = zip(metric.edges, metric.edges[1:], metric.counts, strict=False)
    return "; ".join(f"{low:g} to {high:g}: {number(n)}" for low, high, n in pairs if n)


def _meanings(metrics: Sequence[MetricSummary]) -> tuple[Block, ...]:
    if not metrics:
        return ()
    rows = tuple((metric_title(metric.title), _meaning(metric)) for metric in metrics)
    return (Folded("meanings", "What the metrics mean, and where their values come from", (Facts(rows),)),)


def _meaning(metric: MetricSummary) -> str:
    meaning = excerpt(metric.meaning, _MAX_MEANING).rstrip(".")
    source = "" if metric.source == "-" else f" By {excerpt(metric.source, _MAX_SOURCE)}."
    return f"{meaning}.{source}"


def _skipped(report: DailyReport) -> tuple[Block, ...]:
    """What was not run, and what would run it."""
    told = [excerpt(sentence, _MAX_SENTENCE) for sentence in report.skipped_tiers[:10]]
    alone = [metric for metric in report.metrics if _all_skipped(metric)]
    blocks: list[Block] = [Paragraph(sentence_case(sentence)) for sentence in told]
    if alone and report.sampling.n_sampled:
        names = joined([metric_title(metric.title) for metric in alone], at_most=8)
        blocks.append(Paragraph(f"Without a value for that reason: {names}." if told else f"Not tried: {names}."))
    return (Heading("skipped", "Not run"), *blocks) if blocks else ()
