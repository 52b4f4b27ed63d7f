"""The daily report as numbers (A26): how the answers were, what changed, what is wrong, what it cost."""

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.evaluation import MetricStatus, MetricTier
from millrace.records.monitoring import (
    AlertDelivery,
    Anomaly,
    CanaryResult,
    DayFigure,
    DriftResult,
    FeedbackRates,
    FiredAlert,
    JudgeCorrection,
)
from millrace.records.report import Count, ReportedEstimate, RowList, RunFacts, Traffic


class Sampling(Record):
    """Whether all traces were evaluated, or a sample of them."""

    n_traces: int = Field(ge=0, description="Of the window")
    n_sampled: int = Field(ge=0)
    seed: int | None = Field(None, description="None when all were evaluated")


class MetricSummary(Record):
    """One metric over the window; weighted where a sample was drawn."""

    metric: Identifier
    tier: MetricTier
    title: str
    meaning: str
    source: str = Field(description="Scorers or judges that gave the values, joined by a comma; '-' for none")
    mean: ReportedEstimate = Field(description="n_failed counts the traces on which it was tried in vain")
    statuses: list[Count] = Field(description="Rows by status, every status listed")
    reasons: list[Count] = Field([], description="Rows without a value, by reason")
    edges: list[float] = Field([], description="Of the histogram of values, bins of equal width over [0, 1]")
    counts: list[int] = []
    n_calls: int = Field(0, ge=0)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class WorstScore(Record):
    """One metric of one of the worst traces."""

    metric: Identifier
    status: MetricStatus
    value: float | None
    reason: str | None = None


class WorstSpan(Record):
    """One stage of one of the worst traces."""

    name: Identifier
    duration_ms: float | None
    facts: str = Field(description="Attributes as 'name value', joined by commas; an excerpt")


class WorstTrace(Record):
    """A trace to look at first, in excerpts."""

    trace_id: Identifier
    tenant_id: Identifier
    status: str
    badness: float = Field(ge=0, description="Mean shortfall of its metrics from 1; what the list is ordered by")
    question: str
    answer: str | None
    error: str | None = None
    contexts: list[str] = Field(description="Excerpts of the first passages")
    scores: list[WorstScore]
    spans: list[WorstSpan]


class SeriesPoint(Record):
    """A figure on one day of the trend."""

    day: Identifier
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


class FigureSeries(Record):
    """A figure over the last days, oldest first, this day last."""

    name: Identifier
    label: Identifier | None = None
    title: str
    points: list[SeriesPoint]


class CostLine(Record):
    """What one purpose took."""

    purpose: str = Field(description="As 'answering' or 'judging: ragas faithfulness'")
    n_calls: int = Field(ge=0)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = Field(None, description="None: not known, or nothing paid")
    reason: str | None = Field(None, description="Why the cost is not known")


class ReportedAlert(Record):
    """An alert and what became of it."""

    alert: FiredAlert
    delivery: AlertDelivery | None = Field(None, description="None while it has not been sent")


class DailyReport(Record):
    """Everything the daily report shows, already computed; Markdown and HTML only lay it out."""

    format: int = 1
    run: RunFacts
    traffic: Traffic
    sampling: Sampling
    alerts: list[ReportedAlert] = Field(description="Critical ones first")
    n_rules: int = Field(ge=0, description="Alert rules that were looked at")
    rules_without_data: list[str] = Field([], description="Rules whose figure had no value today, with the reason")
    metrics: list[MetricSummary]
    skipped_tiers: list[str] = Field([], description="Sentences: which tier was skipped, why, and what would run it")
    corrections: list[JudgeCorrection] = []
    canary: CanaryResult
    drift: DriftResult
    anomalies: list[Anomaly] = []
    feedback: FeedbackRates
    figures: list[DayFigure] = Field(description="All figures of the day")
    series: list[FigureSeries] = Field(description="Those with at least two days")
    worst: list[WorstTrace]
    costs: list[CostLine]
    lists: list[RowList] = []
