"""What triage says of a trace, and the groups that failures fall into (A29)."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime

FailureType = Literal[
    "retrieval_failure",
    "hallucination",
    "irrelevant_answer",
    "safety_violation",
    "format_violation",
    "system_error",
]
TriageVerdict = Literal["ok", "failure"]


class Evidence(Record):
    """One recorded signal that a rule looked at, as text, and what it was compared with."""

    signal: Identifier
    value: str = Field(description="The signal's value; 'null' when the trace does not give it")
    threshold: str | None = Field(None, description="Operator and bound, as '< 0.5'; None when shown for context")


class TriageRow(Record):
    """The decision on one trace, with the rule and the evidence that decided."""

    trace_id: Identifier
    time: UtcTime
    tenant_id: Identifier
    verdict: TriageVerdict
    failure_type: FailureType | None = Field(None, description="None when the verdict is ok")
    rule_id: Identifier | None = Field(None, description="The first rule that matched; None when none did")
    reason: str = Field(description="Why, in a sentence with the values filled in")
    evidence: list[Evidence] = []
    group_id: Identifier | None = Field(None, description="Group of similar failures; None for ok or before grouping")
    failure_probability: float | None = Field(
        None, ge=0, le=1, description="Calibrated probability that people would call the trace a failure of any type"
    )
    confidence: float | None = Field(
        None, ge=0, le=1, description="Calibrated probability that the decision is right: the type, or ok"
    )
    confidence_basis: Identifier = Field(
        "not_calibrated",
        description="What the confidence rests on: a calibration and its version, recorded_fact when the trace itself "
        "says so, or why there is none",
    )


class GroupWeek(Record):
    """A group's size in one week."""

    week: Identifier
    size: int = Field(ge=0)
    n_triaged: int = Field(ge=0, description="Traces that triage decided on in that week")


GroupTrend = Literal["new", "growing", "steady", "shrinking", "resolved"]


class FailureGroup(Record):
    """Failures of one type with similar questions; a group keeps its id from week to week."""

    group_id: Identifier
    failure_type: FailureType
    size: int = Field(ge=0, description="Failures in this week; 0 when the group is resolved")
    label: str = Field(description="Words typical of the group's questions, most typical first, joined by spaces")
    example_trace_ids: list[Identifier] = Field(max_length=3, description="The most central first; none when resolved")
    tenants: list[Identifier] = Field(description="Sorted, each once")
    n_questions: int = Field(0, ge=0, description="Different questions among them")
    clustered: bool = Field(True, description="False for the rest of a type that is near to nothing: unclustered")
    centroid: list[float] = Field([], description="Mean question vector, norm 1; empty for the unclustered")
    trend: GroupTrend | None = Field(None, description="Against the last earlier week; None when there is none")
    history: list[GroupWeek] = Field([], description="Earlier weeks, oldest first, then this one")
