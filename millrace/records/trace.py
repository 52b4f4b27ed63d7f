"""Traces: what the application was asked, what it found, what it said (A13)."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from millrace.records.base import Identifier, Measured, Record

UtcTime = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


StorableCount = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Turn(Record):
    """One turn of the conversation before the question."""

    speaker: Literal["user", "assistant", "system"]
    text: str


class RetrievedContext(Record):
    """A passage shown to the answerer, in rank order."""

    context_id: Identifier
    text: str
    doc_id: str | None = None
    title: str | None = None
    score: float | None = Field(None, description="Retrieval score, unit of the index (cosine for the embedded one)")


class Citation(Record):
    """A piece of the answer and the passage it was taken from; offsets are characters, end exclusive."""

    start: StorableCount
    end: StorableCount
    context_id: Identifier


class Attribute(Record):
    """A named fact of a span, as text."""

    name: Identifier
    value: str


class Span(Record):
    """One step of the pipeline; its time lies in ``Trace.timings``."""

    name: Identifier
    attributes: list[Attribute] = []


class SpanTiming(Record):
    """When a span ran, how long it took, and how many characters of query, passages and answer went in and out."""

    name: Identifier
    start: UtcTime | None = None
    duration_ms: float = Field(ge=0)
    characters_in: StorableCount | None = None
    characters_out: StorableCount | None = None


class ModelCall(Record):
    """What one call of a model took, all its tries together."""

    purpose: Identifier
    model: str
    tries: int = Field(ge=1)
    retried_for: list[str] = Field([], description="Why each try before the last was no use")
    duration_ms: float = Field(ge=0)
    input_tokens: StorableCount | None = None
    output_tokens: StorableCount | None = None
    cost_usd: float | None = Field(None, ge=0)
    cost_reason: str | None = Field(None, description="Why the cost is not known")
    remembered: bool = Field(False, description="Answered from the request journal: nothing was paid again")


class Score(Record):
    """A score the application itself attached; None needs a reason."""

    name: Identifier
    value: float | None
    reason: str | None = None
    source: str


class RedactionCount(Record):
    """How many pieces of one PII type were replaced before the trace was stored."""

    pii_type: Identifier
    n_items: int = Field(ge=1, le=2**63 - 1)


TraceStatus = Literal["answered", "abstained", "blocked", "escalated", "failed"]


class Trace(Record):
    """One question to the application and everything that came of it."""

    trace_id: Identifier
    time: UtcTime
    tenant_id: Identifier
    user_id: str | None = None
    session_id: str | None = None
    question: str
    history: list[Turn] = []
    contexts: list[RetrievedContext] = []
    answer: str | None = None
    citations: list[Citation] = []
    status: TraceStatus = "answered"
    error: str | None = Field(None, description="Why the trace failed or was blocked; None when answered")
    answered_by: str = Field("unknown", description="Model or answerer that wrote the answer")
    config_hash: str | None = Field(None, description="sha256 of the configuration that answered")
    feature_flags: list[str] = []
    route: Identifier | None = Field(None, description="Route the question took; None where there is no routing")
    output: str | None = Field(None, description="The structured output in canonical JSON, where a route asks for one")
    spans: list[Span] = []
    scores: list[Score] = []
    redactions: list[RedactionCount] = []
    input_tokens: StorableCount | None = None
    output_tokens: StorableCount | None = None
    pipeline_version: Annotated[str | None, Measured()] = Field(None, description="Commit of the application")
    timings: Annotated[list[SpanTiming], Measured()] = []
    calls: Annotated[list[ModelCall], Measured()] = []
    cost_usd: Annotated[float | None, Measured()] = Field(None, ge=0)


class HumanRating(Record):
    """A person's rating of a trace, imported with it; kept apart, never seen by triage."""

    trace_id: Identifier
    dimension: Identifier
    annotator: Identifier
    value: float


class SkipRow(Record):
    """An input row that could not be taken: where it was, why, and its hash; never its content."""

    source: str
    line: int = Field(ge=1, description="Line of a text file, or row of a table, from 1")
    reason: Identifier
    message: str
    row_hash: str = Field(description="sha256 of the raw row")


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """A UTC time from its parts."""
    return datetime(year, month, day, hour, tzinfo=UTC)
