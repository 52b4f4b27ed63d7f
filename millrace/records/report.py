"""The weekly report as numbers (A34): what ran, what failed, what was learned, what changed, what is due."""

from typing import Self

from pydantic import Field, model_validator

from millrace.records.base import Identifier, Record
from millrace.records.evals import CategoryCoverage, CoverageGap, EvalCoverage
from millrace.records.golden import Semver
from millrace.records.governance import Proof, Role
from millrace.records.trace import UtcTime
from millrace.records.triage import FailureType, GroupTrend, GroupWeek


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
    n_late: int = Field(0, ge=0, description="Traces of earlier weeks that are counted here")
    n_outside: int = Field(0, ge=0, description="Rows of the same datasets that are of another week or other tenants")


class RowList(Record):
    """Rows behind a number: the first ones, and how to see all."""

    name: Identifier = Field(description="A word of ours, as failures-hallucination")
    title: str
    columns: list[str]
    rows: list[list[str | int | float | None]] = Field(description="Texts are excerpts")
    n: int = Field(ge=0, description="Rows there are in all")
    command: str | None = Field(None, description="Shows all of them; None when these are all there is")


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


class AnswererFailures(Record):
    """How often the answers of one model, prompt or answerer fail."""

    answered_by: str | None = Field(description="None for all others together")
    n_answerers: int = Field(1, ge=1, description="How many this row stands for")
    n_failures: int = Field(ge=0)
    share: ReportedEstimate = Field(description="Of their traces that triage decided on")


class WeekNumbers(Record):
    """One week of the trend."""

    week: Identifier
    n_traces: int = Field(ge=0)
    failures: Failures
    groundedness: ReportedEstimate = Field(description="Mean")


class FailureChange(Record):
    """How much larger a share of failures is than in the week before."""

    failure_type: FailureType | None = Field(description="None for all failures together")
    difference: ReportedEstimate


class TriageConfidence(Record):
    """How sure triage is of the failures it found; where nothing is calibrated, the basis says why."""

    mean: ReportedEstimate = Field(
        description="Mean confidence of the failures that have one: the share expected right"
    )
    n_unsure: int = Field(ge=0, description="Failures with a confidence below one half")
    bases: list[Count] = Field(description="Failures by what their confidence rests on")


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
    size: int = Field(ge=0, description="Failures in this week; 0 when resolved")
    n_questions: int = Field(ge=0, description="Different questions among them; 0 when not counted")
    share: ReportedEstimate = Field(description="Of all failures of the week")
    label: str
    clustered: bool = Field(description="False for the rest of a type that is near to nothing")
    trend: GroupTrend | None
    history: list[GroupWeek]
    expected: float = Field(ge=0, description="Failures that people would agree with: sum of their probabilities")
    increase: int = Field(ge=0, description="Traces more than in the week before; 0 without one")
    tenants: list[str]
    examples: list[ExampleTrace]


class Groups(Record):
    """Groups in the order in which to fix them, as many as the report shows, and what there is in all."""

    n_groups: int = Field(ge=0, description="Clusters with failures in this week")
    n_clustered: int = Field(ge=0, description="Failures in clusters")
    n_unclustered: int = Field(ge=0, description="Failures that are near to no cluster")
    trends: list[Count] = Field(description="Clusters by trend, the resolved included")
    first: list[GroupSummary]
    resolved: list[GroupSummary] = Field(description="Gone since the last week, largest before first")


class FixFirst(Record):
    """The groups to look at before all others."""

    group_ids: list[Identifier] = Field(description="The first of the groups")
    n_failures: int = Field(ge=0, description="Failures in them")
    share: ReportedEstimate = Field(description="Of all failures of the week")


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
    minutes_completed: float = Field(0, ge=0, description="Estimated work done, minutes")
    annotators: list[Count]
    agreement: list[AgreementFigure] = Field([], description="Of annotators with each other")
    n_disagreements: int = Field(0, ge=0, description="Tasks on which annotators differ")
    n_adjudicated: int = Field(0, ge=0, description="Disagreements that were settled")


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
    n_changed: int = Field(0, ge=0)
    rejected: list[Count] = Field(description="Annotations that became no row, by reason")
    warnings: list[str] = Field([], description="What the split into eval and train could not keep apart")
    categories: list[CategoryCoverage] = Field(description="Those with a row")


class Decision(Record):
    """What the reviewer decided; the name is as claimed unless ``proof`` is ``signed``."""

    decision: str
    reviewer: str
    note: str | None = None
    pinned_hash: str = Field(description="What the decision is about, as it was shown")
    decided_at: UtcTime
    proof: Proof | None = Field(None, description="What shows who decided; None in reports of before")
    role: Role | None = Field(None, description="The reviewer's, where it is proven")


class ScorerChange(Record):
    """Whether the groundedness scorer learned from what people said, and what the gate decided."""

    published: bool = Field(description="Whether the refitted scorer is the active one now")
    reason: str = Field(description="Why, in words")
    source_before: Identifier
    source_after: Identifier | None = Field(None, description="None when nothing was fitted")
    n_labels: int = Field(ge=0, description="Judged answers that it was fitted to")
    n_unsupported: int = Field(ge=0, description="Those among them that the passages do not support")
    auc_before: float | None = Field(None, ge=0, le=1, description="On held-out annotations")
    auc_after: float | None = Field(None, ge=0, le=1)
    improvement: ReportedEstimate | None = Field(
        None, description="Drop of the mean log loss on held-out annotations, nats for each"
    )


class Due(Record):
    """What the next turn should see to."""

    n_waiting_tasks: int = Field(ge=0)
    n_open_disagreements: int = Field(0, ge=0)
    gaps: list[CoverageGap] = Field(description="Failures of the week that no eval row stands for, largest first")


class WeeklyReport(Record):
    """Everything the report shows, already computed; Markdown and HTML only lay it out."""

    format: int = 2
    run: RunFacts
    fix_first: FixFirst
    traffic: Traffic
    failures: Failures
    answerers: list[AnswererFailures] = Field(
        [], description="By the lower end of the interval, the others together last; none with a single answerer"
    )
    weeks: list[WeekNumbers] = Field([], description="Earlier weeks, oldest first, then this one")
    changes: list[FailureChange] = Field([], description="Against the last earlier week; none in the first week")
    groundedness: ScoreDistribution
    groups: Groups
    confidence: TriageConfidence
    agreement: list[AgreementFigure] = Field([], description="Of triage with people's ratings")
    effort: AnnotationEffort
    golden: GoldenChange
    coverage: EvalCoverage | None = Field(None, description="None when no evals were written")
    scorer: ScorerChange | None = Field(None, description="None when no refit was tried")
    decision: Decision | None = Field(None, description="None while the run waits for its approval")
    due: Due
    lists: list[RowList] = Field([], description="The rows behind the numbers")
