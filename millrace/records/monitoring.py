"""What the watch over the application finds on a day: figures, drift, canary, anomalies, alerts (A24 to A28)."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.report import ReportedEstimate
from millrace.records.trace import UtcTime

WatchStatus = Literal["ok", "warning", "critical", "not_enough"]
Severity = Literal["critical", "warning"]


class DayFigure(Record):
    """One number of one day; ``name`` is one of ``monitoring.figures.FIGURES``."""

    day: Identifier = Field(description="As 2026-11-20")
    name: Identifier
    label: Identifier | None = Field(
        None, description="What it is of, as a metric, stage or tenant; None: of everything"
    )
    value: float | None
    low: float | None = Field(None, description="Lower end of the 95 % interval; None for a plain count or sum")
    high: float | None = None
    n: int = Field(ge=0, description="Items behind it")
    n_failed: int = Field(0, ge=0, description="Items that should have entered and could not be measured")
    reason: Identifier | None = Field(None, description="Why there is no value; None when there is one")


class RetrievalSample(Record):
    """What the search for one question found; the canary's memory."""

    trace_id: Identifier
    time: UtcTime
    n_contexts: int = Field(ge=0)
    top_score: float | None = Field(description="Highest retrieval score; None when nothing was found or none recorded")


class CanaryWindow(Record):
    """Searches of a stretch of time; percentiles are None where no score was recorded."""

    n: int = Field(ge=0)
    n_empty: int = Field(ge=0, description="Searches that found nothing")
    n_scored: int = Field(ge=0)
    p50: float | None = None
    p95: float | None = None
    mean: float | None = None
    time_from: UtcTime | None = None
    time_to: UtcTime | None = None


class CanaryResult(Record):
    """The last searches against those before them (A25)."""

    status: WatchStatus
    reasons: list[str] = Field([], description="What is wrong, in sentences; for not_enough what is missing")
    current: CanaryWindow
    baseline: CanaryWindow
    p50_change: ReportedEstimate | None = Field(None, description="Relative, -0.1 is 10 % lower; None without baseline")
    empty_share: ReportedEstimate = Field(description="Of the current window's searches")


class EmbeddingSample(Record):
    """The vector of one text, kept so that later days can be compared with it."""

    item_id: Identifier = Field(description="Trace or passage")
    time: UtcTime | None = None
    vector: list[float] = Field(description="Norm 1, or zero for an empty text")


class EmbeddingPoint(Record):
    """One text in the picture of the embedding space."""

    item_id: Identifier
    current: bool = Field(description="False: of the reference")
    x: float
    y: float


class DriftResult(Record):
    """How far the texts of now lie from those of the reference (A24)."""

    status: WatchStatus
    reasons: list[str] = Field([], description="What is wrong, in sentences; for not_enough what is missing")
    n_reference: int = Field(ge=0)
    n_current: int = Field(ge=0)
    centroid_shift: float | None = Field(None, ge=0, le=2, description="1 - cosine of the two mean vectors")
    spread_reference: float | None = Field(None, ge=0, description="Mean cosine distance to the own mean vector")
    spread_current: float | None = Field(None, ge=0)
    spread_change: float | None = Field(None, description="Relative: current / reference - 1")
    mmd_squared: float | None = Field(None, description="Unbiased estimate; can be negative where there is no drift")
    mmd_p_value: float | None = Field(None, gt=0, le=1, description="Permutation p-value")
    n_permutations: int = Field(0, ge=0)
    domain_auc: ReportedEstimate | None = Field(
        None, description="How well a classifier tells the two apart, cross-validated: .5 not at all, 1 fully"
    )
    most_typical_now: list[Identifier] = Field([], description="Items of now that are least like the reference")
    points: list[EmbeddingPoint] = Field([], description="A sample of both on the two main axes")
    explained: float | None = Field(None, ge=0, le=1, description="Share of the variance that the picture shows")


AnomalyMethod = Literal["robust_z", "iqr", "change_point"]


class Anomaly(Record):
    """A day's figure that does not fit the days before it."""

    day: Identifier
    figure: Identifier
    label: Identifier | None = None
    method: AnomalyMethod
    value: float
    expected: float = Field(description="Median of the days before, or of the stretch before the change")
    low: float | None = Field(None, description="Least value that would not stand out; None for a change point")
    high: float | None = None
    score: float = Field(description="How far out: robust z; in units of the IQR; -log10 of the p-value of the change")
    since: Identifier = Field(description="The day itself, or the first day of the new level")
    n_days: int = Field(ge=1, description="Days before that it was compared with")


class FiredAlert(Record):
    """A rule that holds today."""

    key: Sha256 = Field(description="Equal for the same rule, figure and label: what is suppressed together")
    rule_id: Identifier
    severity: Severity
    day: Identifier
    figure: Identifier
    label: Identifier | None = None
    value: float | None
    bound: str = Field(description="What it was held against, as '> 0.05' or '10 % below the median of 7 days'")
    message: str = Field(description="One sentence with the values filled in; no text of a trace")
    playbook: Identifier = Field(description="A file of docs/playbooks, without its ending")


AlertOutcome = Literal["sent", "suppressed", "not_sent", "no_receiver"]


class AlertDelivery(Record):
    """What became of a fired alert."""

    key: Sha256
    outcome: AlertOutcome
    receiver: Identifier | None = None
    problem: str | None = Field(None, description="Why it was not sent; never an address")
    last_sent_at: UtcTime | None = Field(None, description="Of a suppressed one: when it was sent before")


class JudgeCorrection(Record):
    """A metric's automatic scores, checked and corrected by what people said of some of the traces."""

    metric: Identifier
    source: Identifier = Field(description="Judge or scorer, and version")
    threshold: float = Field(ge=0, le=1, description="From which value on the judge calls a trace good")
    n_labelled: int = Field(ge=0)
    n_scored: int = Field(ge=0, description="Traces with a value of the metric, labelled ones included")
    precision: ReportedEstimate = Field(description="Share of the judge's bad ones that people call bad")
    recall: ReportedEstimate = Field(description="Share of people's bad ones that the judge calls bad")
    kappa: ReportedEstimate = Field(description="Cohen's kappa of the two verdicts")
    calibration_error: ReportedEstimate = Field(description="Expected calibration error of the value as P(good)")
    naive: ReportedEstimate = Field(description="Share of good ones by the judge alone")
    people: ReportedEstimate = Field(description="Share of good ones by the labelled traces alone")
    corrected: ReportedEstimate = Field(description="Prediction-powered: people's labels, helped by the judge")
    power_tuning: float | None = Field(None, description="How far the judge is trusted, 0 (not at all) to 1")
    labels_chosen: Literal["at_random", "not_at_random"]
    n_days: int = Field(1, ge=1, description="Days whose traces are looked at together")
    caution: str | None = Field(None, description="What the estimate rests on that may not hold")


class FeedbackRates(Record):
    """What users said of the window's traces (A19)."""

    n_traces: int = Field(ge=0)
    n_rated: int = Field(ge=0, description="Traces with a rating")
    positive: ReportedEstimate = Field(description="Share of rated traces that were rated good")
    coverage: ReportedEstimate = Field(description="Share of traces that were rated")
    n_corrections: int = Field(ge=0, description="Traces that a user wrote a better answer to")
    n_comments: int = Field(ge=0)
