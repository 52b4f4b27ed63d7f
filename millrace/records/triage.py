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


class FailureGroup(Record):
    """Failures of one type with similar questions."""

    group_id: Identifier
    failure_type: FailureType
    size: int = Field(ge=1)
    label: str = Field(description="Words typical of the group's questions, most typical first, joined by spaces")
    example_trace_ids: list[Identifier] = Field(min_length=1, max_length=3)
    tenants: list[Identifier] = Field(min_length=1, description="Sorted, each once")
