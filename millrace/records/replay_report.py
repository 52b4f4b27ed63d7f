"""What a run of replays comes to, how that changes from run to run, and how it compares with no knowledge at all."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.replay import ReplayRetrieval
from millrace.records.report import Component, Count, ReportedEstimate, RowList
from millrace.records.trace import UtcTime

EscalationPolicy = Literal["allowed", "never"]


class ReplayFigures(Record):
    """Counts and shares of one run; tasks = blocked + failed + checked."""

    n_tasks: int = Field(ge=0)
    n_blocked: int = Field(ge=0, description="Questions that a screen blocked; nobody was asked")
    n_failed: int = Field(ge=0, description="Tasks whose answerer failed, at either tier")
    n_passed: int = Field(ge=0)
    n_passed_locally: int = Field(ge=0)
    n_abstained: int = Field(ge=0, description="Final answers that say that they have none")
    n_escalated: int = Field(ge=0)
    n_not_escalated: int = Field(ge=0, description="Local answers that failed the gate and stayed as they were")
    pass_rate: ReportedEstimate = Field(description="Of the tasks with a final answer")
    escalation_rate: ReportedEstimate = Field(description="Of the tasks with a local answer")
    local_failure_rate: ReportedEstimate = Field(description="Local answers that failed the gate")
    groundedness: ReportedEstimate = Field(description="Mean of the final answers that have one")
    failed_checks: list[Count] = Field([], description="Checks that final answers failed, the most frequent first")
    local_failed_checks: list[Count] = Field([], description="Checks that local answers failed")
    ungrounded_reasons: list[Count] = Field([], description="Why final answers have no groundedness")
    errors: list[Count] = []
    answered_by: list[Count] = []


class BundleFigures(Record):
    """What the tasks were given."""

    n_tasks: int = Field(ge=0)
    n_with_accepted: int = Field(ge=0)
    n_with_warnings: int = Field(ge=0)
    n_empty: int = Field(ge=0)
    nearest: ReportedEstimate = Field(description="Mean over the tasks of the nearest accepted piece's cosine")


class ReplayPoint(Record):
    """One run among others: what it was, and its figures."""

    run_id: Identifier
    time: UtcTime
    tasks_name: str
    tasks: Sha256 = Field(description="Content hash of the tasks")
    retrieval: ReplayRetrieval
    escalation: EscalationPolicy
    knowledge: Sha256 | None
    answerer: str = Field(description="Who answers first: identity of the gateway's models, or extractive")
    figures: ReplayFigures


class ReplayDifference(Record):
    """One share on the same tasks, with and without knowledge."""

    measure: Literal["passed", "passed_shared", "answered"] = Field(
        description="passed: the gate as it stood; passed_shared: the checks that both answers had; answered: passed "
        "with an answer that is no abstention"
    )
    with_knowledge: ReportedEstimate
    without: ReportedEstimate
    difference: ReportedEstimate = Field(description="With minus without, paired")


class BaselineComparison(Record):
    """This run against the last one of the same tasks that retrieved nothing."""

    run_id: Identifier
    n_pairs: int = Field(ge=0, description="Tasks with an answer in both runs")
    n_left_out: int = Field(ge=0, description="Tasks without an answer in one of them")
    differences: list[ReplayDifference]


class ReplaySetup(Record):
    """What was asked for."""

    tasks_name: str
    n_skipped: int = Field(ge=0, description="Rows of the task file that could not be taken")
    retrieval: ReplayRetrieval
    distill_run: Identifier | None = None
    knowledge: Sha256 | None = None
    n_knowledge: int = Field(0, ge=0, description="Rows of the RAG export")
    n_accepted: int = Field(ge=0)
    n_warnings: int = Field(ge=0)
    min_similarity: float
    min_groundedness: float
    escalation: EscalationPolicy
    max_escalations: int | None = None
    dry_run: bool = False


class ReplayReport(Record):
    """The report of a run of replays."""

    run_id: Identifier
    flow: Identifier
    reported_at: UtcTime
    setup: ReplaySetup
    components: list[Component]
    bundles: BundleFigures
    figures: ReplayFigures | None = Field(description="None for a dry run")
    trend: list[ReplayPoint] = Field([], description="Runs that can be compared, this one last")
    change: ReportedEstimate | None = Field(
        None, description="Change of the local failure rate since the run before; None without one"
    )
    baseline: BaselineComparison | None = None
    lists: list[RowList] = []
