"""The weekly report as numbers (A34): what ran, what failed, what was learned, what changed, what is due."""

from typing import Self

from pydantic import Field, model_validator

from millrace.records.annotation import AnswerVerdict
from millrace.records.base import Identifier, Record
from millrace.records.golden import Semver
from millrace.records.trace import UtcTime
from millrace.records.triage import FailureType


class Count(Record):
    """How many items carry a name."""

    name: str
    n: int = Field(ge=0)


class ReportedEstimate(Record):
    """A number with its interval and the items behind it; what is undefined is None with a reason."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int = Field(ge=0, description="Items that entered the estimate")
    n_failed: int = Field(0, ge=0, description="Items that should have entered and could not be measured")
    confidence: float = Field(0.95, gt=0, lt=1)
    method: str = Field(description="How the interval was found, as 'wilson', 'student_t' or 'bootstrap'")
    reason: str | None = Field(None, description="Why the mean or the interval is missing; None when both are there")

    @model_validator(mode="after")
    def _missing_has_a_reason(self) -> Self:
        if None in (self.mean, self.low, self.high) and not self.reason:
            raise ValueError("an estimate without mean or interval needs a reason")
        return self


class Component(Record):
    """A part of the pipeline that was used; a bundled default says what it stands in for."""

    role: Identifier = Field(description="What it does, as 'embedder' or 'answered by'")
    identity: str = Field(description="Model or method, with its revision")
    stands_in_for: str | None = Field(None, description="None when it was chosen by the user")


class RunFacts(Record):
    """Which run wrote the report, over which window."""

    run_id: Identifier
    flow: Identifier
    window_name: str | None = Field(None, description="As people call it, as 2026-W47")
    window_start: UtcTime
    window_end: UtcTime = Field(description="Exclusive")
    time_zone: Identifier = Field(description="IANA name; the window is cut at its midnights")
    reported_at: UtcTime
    components: list[Component] = []


class Traffic(Record):
    """What came in."""

    n_traces: int = Field(ge=0)
    statuses: list[Count]
    tenants: list[Count]
    n_skipped: int = Field(ge=0)
    skip_reasons: list[Count]
    n_duplicates: int = Field(ge=0)


class FailureShare(Record):
    """One failure type: how many traces, and their share of all that triage decided on."""

    failure_type: FailureType
    n: int = Field(ge=0)
    share: ReportedEstimate


class Failures(Record):
    """What went wrong, by type; every type is listed, also those that did not occur."""

    n_triaged: int = Field(ge=0)
    n_failures: int = Field(ge=0)
    share: ReportedEstimate
    by_type: list[FailureShare]


class ScoreDistribution(Record):
    """A histogram of scores in [0, 1]; bins are closed on the left, the last on both sides."""

    edges: list[float]
    counts: list[int]
    n_scored: int = Field(ge=0)
    undefined: list[Count] = Field(description="Traces without a score, by reason")
    mean: ReportedEstimate
    threshold: float = Field(ge=0, le=1)
    below: ReportedEstimate = Field(description="Share of scored traces below the threshold")


class ExampleTrace(Record):
    """Excerpts of one trace."""

    trace_id: Identifier
    question: str
    answer: str | None


class GroupSummary(Record):
    """A group of similar failures with its examples."""

    group_id: Identifier
    failure_type: FailureType
    size: int = Field(ge=1)
    label: str
    tenants: list[str]
    examples: list[ExampleTrace]


class Groups(Record):
    """The largest groups, largest first, and how many there are in all."""

    n_groups: int = Field(ge=0)
    largest: list[GroupSummary]


class AgreementFigure(Record):
    """How well one of our numbers agrees with people's ratings."""

    name: str
    estimate: ReportedEstimate


class AnnotationEffort(Record):
    """What people were asked and what came back; annotators are recorded as claimed."""

    n_proposed: int = Field(ge=0)
    n_completed: int = Field(ge=0)
    n_skipped: int = Field(ge=0)
    n_waiting: int = Field(ge=0)
    minutes_waiting: float = Field(ge=0, description="Estimated work left, minutes")
    annotators: list[Count]


class CategoryCount(Record):
    """Golden rows of one category, by split."""

    category: AnswerVerdict
    n_eval: int = Field(ge=0)
    n_train: int = Field(ge=0)


class GoldenChange(Record):
    """The golden dataset before and after the run; a version is None where there is none or none was published."""

    name: str | None
    version_before: Semver | None
    version_after: Semver | None
    content_hash: str | None = Field(description="Of the version after")
    n_before: int = Field(ge=0)
    n_after: int = Field(ge=0)
    n_added: int = Field(ge=0)
    n_removed: int = Field(ge=0)
    rejected: list[Count] = Field(description="Annotations that became no row, by reason")
    warnings: list[str] = Field([], description="What the split into eval and train could not keep apart")
    categories: list[CategoryCount]


class Decision(Record):
    """What the reviewer decided; the name is recorded as claimed."""

    decision: str
    reviewer: str
    note: str | None = None
    pinned_hash: str = Field(description="What the decision is about, as it was shown")
    decided_at: UtcTime


class CoverageGap(Record):
    """A failure type that no golden row covers."""

    failure_type: FailureType
    n_failures: int = Field(ge=0, description="Traces that failed this way in the window")


class Due(Record):
    """What the next turn should see to."""

    n_waiting_tasks: int = Field(ge=0)
    gaps: list[CoverageGap]


class WeeklyReport(Record):
    """Everything the report shows, already computed; Markdown and HTML only lay it out."""

    format: int = 1
    run: RunFacts
    traffic: Traffic
    failures: Failures
    groundedness: ScoreDistribution
    groups: Groups
    agreement: list[AgreementFigure] = []
    effort: AnnotationEffort
    golden: GoldenChange
    decision: Decision | None = Field(None, description="None while the run waits for its approval")
    due: Due
