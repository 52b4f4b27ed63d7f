"""A replayed task (D12): what was retrieved, who answered, what the gate said; evidence for the next distillation."""

from typing import Literal

from pydantic import Field

from millrace.records.answer import Question
from millrace.records.base import Identifier, Record, Sha256
from millrace.records.trace import UtcTime

ReplayTier = Literal["extractive", "local", "stronger"]
ReplayRetrieval = Literal["index", "none"]
StepKind = Literal["must_match", "must_not_match", "json_schema"]


class ValidationStep(Record):
    """A check of the user's own, and how the answerer is told of it."""

    name: Identifier
    kind: StepKind
    value: str = Field(min_length=1, description="Regular expression, or JSON Schema (2020-12) as JSON text")
    told: str = Field("", description="What the answerer is told; blank: the pattern or schema itself")


class ReplayTask(Question):
    """A question to answer with what was distilled, and what its answer has to be beside good."""

    validation: list[ValidationStep] = []


class BundleItem(Record):
    """One piece of knowledge in the context of a task."""

    evidence_id: Identifier
    purpose: Literal["accepted", "warning"]
    title: str = Field("", description="The question, or subject, that the piece answered")
    text: str
    reason: str = Field("", description="Why the piece stood, or stood in part")
    score: float = Field(ge=-1, le=1, description="Cosine to the task's question")


class GateCheck(Record):
    """One deterministic check of an answer."""

    name: Identifier
    passed: bool
    detail: str = ""


class Replay(Record):
    """One task, answered again with what was distilled."""

    replay_id: Identifier
    task_id: Identifier
    time: UtcTime
    tenant_id: Identifier
    user_id: str | None = None
    question: str
    retrieval: ReplayRetrieval = Field(description="none: the baseline without knowledge, asked for explicitly")
    knowledge: Sha256 | None = Field(None, description="Content hash of the RAG export that was retrieved from")
    bundle: list[BundleItem] = []
    steps: list[str] = Field([], description="What the answer is checked for, as the answerer was told")
    answer: str | None = None
    answered_by: Identifier
    tier: ReplayTier
    escalated: bool = False
    checks: list[GateCheck] = []
    passed: bool
    groundedness: float | None = Field(None, ge=0, le=1)
    groundedness_reason: str | None = None
    error: str | None = Field(None, description="Why there is no answer")
