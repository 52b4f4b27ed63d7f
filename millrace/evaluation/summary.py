"""Each metric over a window: its mean with an interval, how often it has no value, and why (A26)."""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.evaluation.metrics import METRICS, Metric, in_registry_order
from millrace.records.daily_report import MetricSummary
from millrace.records.evaluation import MetricStatus
from millrace.records.report import Count, ReportedEstimate
from millrace.statistics.counts import value_counts
from millrace.statistics.intervals import Estimate
from millrace.statistics.weighted import stratified_mean

N_BINS = 20
CONFIDENCE = 0.95
_TAKEN = ("input_tokens", "output_tokens", "cost_usd")


def summarise_metrics(scores: pa.Table, weights: pa.Table) -> list[MetricSummary]:
    """One summary per metric that has rows, and of every model-free one; in the order of the registry.

    The mean is that of the values there are, weighted by what each trace stands for; its ``n_failed`` counts traces on
    which the metric was tried in vain. A mean without any value has the most frequent reason. Histogram and counts are
    of the rows as they are, without weights.

    Args:
        scores: MetricScore; of ``n_calls``, tokens and cost those columns that are there are summed up, what is
            not known being left out.
        weights: table of SampledTrace, all traces of the scores among them.

    Raises:
        BadInputError: a score of a trace without a weight, two of one trace, or a metric that is not known.
    """
    names = set(scores.column("metric").unique().to_pylist())
    always = {name for name, metric in METRICS.items() if metric.tier == "model_free"}
    places = pc.index_in(scores.column("trace_id"), weights.column("trace_id").combine_chunks())
    if places.null_count:
        unknown = scores.filter(places.is_null()).column("trace_id").unique().to_pylist()
        raise BadInputError(f"{len(unknown)} scored traces have no weight, first {unknown[0]!r}", trace_ids=unknown)
    placed = scores.append_column("place", places)
    return [
        _summary(metric, placed.filter(pc.equal(placed.column("metric"), metric.name)), weights)
        for metric in in_registry_order(names | always)
    ]


def _summary(metric: Metric, rows: pa.Table, weights: pa.Table) -> MetricSummary:
    if pc.count_distinct(rows.column("place")).as_py() < rows.num_rows:
        raise BadInputError(f"two scores by {metric.name} of one trace", metric=metric.name)
    statuses = value_counts(rows.column("status"))
    reasons = value_counts(rows.column("reason"))
    values = np.asarray(rows.column("value").drop_null(), dtype=np.float64)
    counts, edges = np.histogram(values, bins=N_BINS, range=(0.0, 1.0))
    sources = rows.filter(pc.is_valid(rows.column("value"))).column("source").unique().to_pylist()
    return MetricSummary(
        metric=metric.name,
        tier=metric.tier,
        title=metric.title,
        meaning=metric.meaning,
        source=", ".join(sorted(sources)) or "-",
        mean=_reported(_mean(rows, weights), statuses.get("failed", 0), list(reasons)),
        statuses=[Count(name=name, n=statuses.get(name, 0)) for name in get_args(MetricStatus)],
        reasons=[Count(name=name, n=n) for name, n in reasons.items()],
        edges=[round(float(edge), 6) for edge in edges],
        counts=[int(count) for count in counts],
        **_taken(rows),
    )


def _mean(rows: pa.Table, weights: pa.Table) -> Estimate:
    known = weights.take(rows.column("place"))
    return stratified_mean(
        rows.column("value").to_pylist(),
        known.column("weight").to_pylist(),
        known.column("stratum").to_pylist(),
        confidence=CONFIDENCE,
        lowest=0.0,
        highest=1.0,
    )


def _reported(estimate: Estimate, n_failed: int, reasons: Sequence[str]) -> ReportedEstimate:
    given = estimate.model_dump() | {"n_failed": n_failed}
    if estimate.mean is None and reasons:
        given["reason"] = reasons[0]
    return ReportedEstimate(**given)


def _taken(rows: pa.Table) -> Mapping[str, int | float | None]:
    """Sums of what was measured; None where nothing is known."""
    known = [name for name in _TAKEN if name in rows.column_names]
    sums: dict[str, int | float | None] = {name: pc.sum(rows.column(name)).as_py() for name in known}
    if "n_calls" in rows.column_names:
        sums["n_calls"] = pc.sum(rows.column("n_calls")).as_py() or 0
    return sums
