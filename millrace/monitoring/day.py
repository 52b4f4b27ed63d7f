"""The figures of a day that follow from what was said; those that were measured with it are in ``operations``."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.monitoring.figure_list import FigureList
from millrace.records.base import Record
from millrace.records.daily_report import MetricSummary
from millrace.records.monitoring import CanaryResult, DayFigure, DriftResult, FeedbackRates, JudgeCorrection
from millrace.statistics.counts import value_counts
from millrace.statistics.intervals import student_interval
from millrace.statistics.quantiles import quantile_interval

_MAX_LABELS = 50  # of routes, tenants, types: more would make a new series of every id


class AnnotationCounts(Record):
    """How annotation stands when the day is evaluated."""

    n_waiting: int
    n_completed: int
    n_open_disagreements: int
    n_golden_rows: int


def pipeline_figures(day: str, traces: pa.Table, n_skipped: int) -> list[DayFigure]:
    """How the day's questions ended, which routes they took, whose they were.

    Args:
        traces: columns status, route and tenant_id of Trace; all of the window, not a sample.
        n_skipped: rows of the day's imports that could not be taken.
    """
    figures, n = FigureList(day), traces.num_rows
    statuses = value_counts(traces.column("status"))
    figures.number("pipeline/traces", n, n)
    for status in ("answered", "abstained", "failed", "escalated"):
        figures.share(f"pipeline/{status}_share", statuses.get(status, 0), n)
    for route, n_taken in _most(value_counts(traces.column("route"))):
        figures.share("pipeline/route_share", n_taken, n, label=route)
    for tenant, n_asked in _most(value_counts(traces.column("tenant_id"))):
        figures.number("pipeline/tenant_traces", n_asked, n, label=tenant)
    figures.number("pipeline/skipped_rows", n_skipped, n_skipped)
    return figures.rows


def safety_figures(day: str, traces: pa.Table, n_injected: int) -> list[DayFigure]:
    """What was blocked, tried and redacted.

    Args:
        traces: columns status and redactions of Trace.
        n_injected: questions that run into an injection rule.
    """
    figures, n = FigureList(day), traces.num_rows
    figures.share("safety/blocked_share", value_counts(traces.column("status")).get("blocked", 0), n)
    figures.share("safety/injection_share", n_injected, n)
    redactions = traces.column("redactions").combine_chunks()
    pieces = pa.table(
        {
            "type": pc.struct_field(redactions.flatten(), "pii_type"),
            "n": pc.struct_field(redactions.flatten(), "n_items"),
        }
    )
    summed = pieces.group_by("type").aggregate([("n", "sum")]).to_pylist()
    for kind, n_items in _most({row["type"]: row["n_sum"] for row in summed}):
        figures.number("safety/pii_redactions", n_items, n, label=kind)
    figures.share("safety/pii_share", _n_true(pc.greater(pc.list_value_length(redactions), 0)), n)
    return figures.rows


def hallucination_figures(day: str, scores: pa.Table, threshold: float) -> list[DayFigure]:
    """How far answers are supported by their passages.

    Args:
        scores: column score of GroundednessScore, in [0, 1] or null.
        threshold: below it, an answer counts as ungrounded.
    """
    figures = FigureList(day)
    values = np.asarray(scores.column("score").drop_null().to_numpy(), dtype=np.float64)
    figures.estimate("hallucination/groundedness", student_interval(values, lowest=0.0, highest=1.0))
    figures.share("hallucination/ungrounded_share", int(np.count_nonzero(values < threshold)), len(values))
    figures.share("hallucination/unscored_share", scores.num_rows - len(values), scores.num_rows)
    return figures.rows


def retrieval_figures(day: str, samples: pa.Table, canary: CanaryResult) -> list[DayFigure]:
    """What the day's searches found, and how the canary stands.

    Args:
        samples: table of RetrievalSample, of the day alone.
    """
    figures, n = FigureList(day), samples.num_rows
    found = np.asarray(samples.column("n_contexts").to_numpy(), dtype=np.float64)
    scores = np.asarray(samples.column("top_score").drop_null().to_numpy(), dtype=np.float64)
    figures.share("retrieval/empty_share", int(np.count_nonzero(found == 0)), n)
    figures.estimate("retrieval/top_score_p50", quantile_interval(scores, 0.5))
    figures.estimate("retrieval/top_score_p95", quantile_interval(scores, 0.95))
    figures.estimate("retrieval/top_score_mean", student_interval(scores))
    figures.estimate("retrieval/contexts_mean", student_interval(found, lowest=0.0))
    if canary.p50_change is not None:
        figures.estimate("retrieval/canary_p50_change", canary.p50_change)
    figures.estimate("retrieval/canary_empty_share", canary.empty_share)
    return figures.rows


def evaluation_figures(
    day: str, metrics: Sequence[MetricSummary], corrections: Sequence[JudgeCorrection], drift: DriftResult
) -> list[DayFigure]:
    """How good the answers were by each metric, how far the metrics agree with people, and how the questions drift."""
    figures = FigureList(day)
    for metric in metrics:
        counts = {count.name: count.n for count in metric.statuses}
        n_failed = counts.get("failed", 0)
        n_tried = counts.get("scored", 0) + n_failed
        if n_tried:
            figures.estimate("evaluation/metric", metric.mean, label=metric.metric)
            figures.share("evaluation/metric_failed_share", n_failed, n_tried, label=metric.metric)
    for correction in corrections:
        figures.estimate("evaluation/corrected_share", correction.corrected, label=correction.metric)
        figures.estimate("evaluation/judge_kappa", correction.kappa, label=correction.metric)
    for name, value in (
        ("centroid_shift", drift.centroid_shift),
        ("spread_change", drift.spread_change),
        ("mmd_p_value", drift.mmd_p_value),
    ):
        figures.number(f"evaluation/drift_{name}", value, drift.n_current, reason="not_enough")
    if drift.domain_auc is not None:
        figures.estimate("evaluation/drift_domain_auc", drift.domain_auc)
    return figures.rows


def feedback_figures(day: str, rates: FeedbackRates) -> list[DayFigure]:
    """What users said of the day's answers."""
    figures = FigureList(day)
    figures.number("feedback/ratings", rates.n_rated, rates.n_traces)
    figures.estimate("feedback/positive_share", rates.positive)
    figures.estimate("feedback/coverage_share", rates.coverage)
    figures.number("feedback/corrections", rates.n_corrections, rates.n_traces)
    return figures.rows


def annotation_figures(day: str, counts: AnnotationCounts) -> list[DayFigure]:
    """How annotation and the golden dataset stand."""
    figures = FigureList(day)
    n_tasks = counts.n_waiting + counts.n_completed
    figures.number("annotations/waiting_tasks", counts.n_waiting, n_tasks)
    figures.number("annotations/completed_tasks", counts.n_completed, n_tasks)
    figures.number("annotations/open_disagreements", counts.n_open_disagreements, counts.n_completed)
    figures.number("annotations/golden_rows", counts.n_golden_rows, counts.n_golden_rows)
    return figures.rows


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The most frequent labels, of equals by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MAX_LABELS]


def _n_true(flags: pa.Array) -> int:
    return int(pc.sum(flags).as_py() or 0)
