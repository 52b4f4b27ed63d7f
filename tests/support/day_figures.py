"""Made-up days: the figures of an application whose traces are drawn from one distribution, quiet or in trouble."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from millrace.datasets.schema import table_of
from millrace.records.monitoring import CanaryResult, CanaryWindow, DayFigure, DriftResult, WatchStatus
from millrace.records.report import ReportedEstimate
from millrace.statistics.intervals import Estimate, student_interval, wilson_interval

FIRST_DAY = date(2026, 11, 1)
METRICS = ("groundedness", "context_precision", "answer_relevance", "citation_validity")


def name_of(day: int) -> str:
    return (FIRST_DAY + timedelta(days=day)).isoformat()


def figure(
    name: str = "pipeline/failed_share",
    value: float | None = 0.1,
    *,
    day: int = 20,
    label: str | None = None,
    low: float | None = None,
    high: float | None = None,
    n: int = 100,
    reason: str | None = None,
) -> DayFigure:
    return DayFigure(
        day=name_of(day), name=name, label=label, value=value, low=low, high=high, n=n,
        reason=reason or (None if value is not None else "no_items"),
    )  # fmt: skip


def table(figures: Iterable[DayFigure]) -> pa.Table:
    return table_of(DayFigure, figures)


def canary(status: WatchStatus = "ok", reasons: list[str] | None = None) -> CanaryResult:
    window = CanaryWindow(n=1000, n_empty=0, n_scored=1000)
    share = ReportedEstimate(mean=0.0, low=0.0, high=0.004, n=1000, method="wilson")
    return CanaryResult(status=status, reasons=reasons or [], current=window, baseline=window, empty_share=share)


def drift(status: WatchStatus = "ok", reasons: list[str] | None = None) -> DriftResult:
    return DriftResult(status=status, reasons=reasons or [], n_reference=500, n_current=300)


def made_up_day(
    random: np.random.Generator, day: int, n: int, *, shuffled: bool = False, injected: float = 0.01
) -> list[DayFigure]:
    """All figures that the bundled rules look at, of n traces.

    Args:
        shuffled: the passages belong to other questions: support, precision and relevance are what chance gives.
        injected: share of questions that run into an injection rule.
    """
    support = random.beta(2, 8, n) if shuffled else random.beta(6, 2, n)
    means = {
        "groundedness": support,
        "context_precision": random.beta(1, 6, n) if shuffled else random.beta(5, 2, n),
        "answer_relevance": random.beta(3, 6, n) if shuffled else random.beta(6, 3, n),
        "citation_validity": random.beta(9, 1, n),
    }
    shares = {
        "pipeline/failed_share": 0.01,
        "pipeline/abstained_share": 0.08,
        "retrieval/empty_share": 0.01,
        "safety/injection_share": injected,
        "safety/pii_share": 0.1,
        "hallucination/unscored_share": 0.1,
        "feedback/positive_share": 0.8,
    }
    seconds = np.sort(random.lognormal(0.5, 0.6, n))
    rows = [
        _row("pipeline/traces", day, None, Estimate.model_construct(mean=float(n), low=None, high=None, n=n)),
        _row("hallucination/groundedness", day, None, student_interval(support, lowest=0, highest=1)),
        _row("hallucination/ungrounded_share", day, None, wilson_interval(int((support < 0.5).sum()), n)),
        _row("pipeline/latency_p95", day, None, _p95(seconds)),
        _row("llm/cost_per_answer", day, None, student_interval(random.lognormal(-6, 1.0, n), lowest=0)),
        _row("retrieval/canary_p50_change", day, None, _about(float(random.normal(0, 0.01)), 0.02)),
        figure("annotations/waiting_tasks", float(random.integers(0, 120)), day=day, n=150),
    ]
    rows += [_row("evaluation/metric", day, name, student_interval(values)) for name, values in means.items()]
    rows += [
        _row("evaluation/metric_failed_share", day, name, wilson_interval(int(random.binomial(n, 0.01)), n))
        for name in METRICS
    ]
    rows.append(_row("evaluation/judge_kappa", day, "groundedness", _about(0.5, 0.2)))
    for name, share in shares.items():
        items = n // 4 if name.startswith("feedback") else n
        rows.append(_row(name, day, None, wilson_interval(int(random.binomial(items, share)), items)))
    return rows


def _row(name: str, day: int, label: str | None, estimate: Estimate) -> DayFigure:
    return figure(name, estimate.mean, day=day, label=label, low=estimate.low, high=estimate.high, n=estimate.n)


def _about(mean: float, half: float) -> Estimate:
    return Estimate(mean=mean, low=mean - half, high=mean + half, n=200, confidence=0.95, method="bootstrap")


def _p95(ordered: np.ndarray) -> Estimate:
    """With the order statistics that hold it with at least 95 %, by the normal approximation of their ranks."""
    n = len(ordered)
    half = 1.96 * (n * 0.95 * 0.05) ** 0.5
    low, high = max(0, int(0.95 * n - half) - 1), min(n - 1, int(np.ceil(0.95 * n + half)))
    return Estimate(
        mean=float(np.quantile(ordered, 0.95)), low=float(ordered[low]), high=float(ordered[high]), n=n,
        confidence=0.95, method="bootstrap",
    )  # fmt: skip
