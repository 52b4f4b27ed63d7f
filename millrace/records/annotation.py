"""What people are asked, and what they answer (A30)."""

from typing import Annotated, Literal

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256
from millrace.records.groundedness import SentenceSupport
from millrace.records.trace import RetrievedContext, Turn, UtcTime
from millrace.records.triage import FailureType

ExpectedBehaviour = Literal["answer", "abstain", "block"]
AnswerVerdict = Literal[
    "ok",
    "retrieval_failure",
    "hallucination",
    "irrelevant_answer",
    "safety_violation",
    "format_violation",
    "system_error",
]
AnswerSupport = Literal["all", "part", "none"]
FreeText = Annotated[str, Field(max_length=20_000)]


class AnnotationTask(Record):
    """One question to a person about one trace; asked once, however often the trace recurs."""

    task_id: Identifier
    question_key: Sha256 = Field(description="Equal for equal tenant, question, history and answer, spelling aside")
    tenant_id: Identifier
    user_id: str | None = Field(None, description="Who asked: an erasure finds the task by it; not shown")
    trace_id: Identifier
    question: str
    history: list[Turn] = []
    contexts: list[RetrievedContext] = []
    answer: str | None = None
    failure_type: FailureType | None = Field(None, description="What triage says; None for a trace it found in order")
    group_id: Identifier | None = None
    why: str = Field(description="Why this trace is asked about")
    position: int = Field(ge=1, description="Place in the proposal, from 1; the most useful first")
    estimated_minutes: float = Field(gt=0)
    triage_reason: str | None = Field(None, description="The rule's reason in words")
    confidence: float | None = Field(None, ge=0, le=1, description="Calibrated probability that triage is right")
    group_label: str | None = Field(None, description="Words typical of the trace's group")
    sentences: list[SentenceSupport] = Field([], description="How far the passages support each sentence of the answer")
    n_annotators: int = Field(1, ge=1, le=9, description="How many people are asked, each by themselves")


class AnnotationAnswer(Record):
    """What a person says of a task. Which fields belong together is checked by ``annotation.answers``."""

    verdict: AnswerVerdict
    expected_behaviour: ExpectedBehaviour
    expected_answer: FreeText | None = None
    note: FreeText | None = None
    support: AnswerSupport | None = Field(
        None, description="How much of what the answer claims the passages support; None when not judged"
    )


class Annotation(Record):
    """A submitted answer: who, when, to which task."""

    annotation_id: Identifier
    task_id: Identifier
    trace_id: Identifier
    annotator: Identifier
    verdict: AnswerVerdict
    expected_behaviour: ExpectedBehaviour
    expected_answer: FreeText | None = None
    note: FreeText | None = None
    submitted_at: UtcTime
    support: AnswerSupport | None = None
    adjudicates: bool = Field(False, description="Settles a disagreement: it counts instead of the others' answers")


class AskedQuestion(Record):
    """A question that some run put to people."""

    question_key: Sha256
    tenant_id: Identifier
