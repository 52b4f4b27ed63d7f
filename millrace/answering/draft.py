"""A question on its way to its answer, as the stages hand it on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from millrace.ports import ChatUsage, Vectors
from millrace.records.answer import Question
from millrace.records.trace import Citation, RetrievedContext, Score, Span, SpanTiming, TraceStatus


@dataclass(frozen=True, eq=False)
class Passage:
    """A retrieved passage with its unit vector, shape (dimension,)."""

    context: RetrievedContext
    vector: Vectors


@dataclass(frozen=True, eq=False)
class Draft:
    """What is known of one answer so far. Stages that have nothing to do for a decided draft never see it.

    Attributes:
        query: the question, standing alone; what is searched for and answered.
        phrasings: the queries to search for, ``query`` first.
        direct: the route is answered without passages, so nothing is searched for.
        query_vector: unit vector of ``query``; None until retrieval.
        passages: best first; what the answerer is shown.
        output: the structured output that the route's schema asks for; None for a plain answer.
        status: None while undecided; once set, the stages after are passed over.
    """

    question: Question
    query: str
    phrasings: tuple[str, ...]
    route: str
    direct: bool = False
    query_vector: Vectors | None = None
    passages: tuple[Passage, ...] = ()
    answer: str | None = None
    output: Mapping[str, Any] | None = None
    citations: tuple[Citation, ...] = ()
    answered_by: str | None = None
    status: TraceStatus | None = None
    error: str | None = None
    scores: tuple[Score, ...] = ()
    usages: tuple[tuple[str, ChatUsage], ...] = ()  # what for, and what it took
    spans: tuple[Span, ...] = ()
    timings: tuple[SpanTiming, ...] = ()

    @property
    def n_characters(self) -> int:
        """Size of what the next stage is given: query, passages and answer."""
        texts = sum(len(passage.context.text) for passage in self.passages)
        return len(self.query) + texts + len(self.answer or "")

    def ended(self, status: TraceStatus, error: str | None = None) -> "Draft":
        """Decided: no later stage changes it."""
        return replace(self, status=status, error=error)


@dataclass(frozen=True, eq=False)
class Step:
    """What a stage made of one draft, and the facts that its span tells. Facts of None are left out."""

    draft: Draft
    facts: Mapping[str, object] = field(default_factory=dict)


StageFunction = Callable[[Sequence[Draft]], Sequence[Step]]


@dataclass(frozen=True)
class Stage:
    """A stage by name; without a function it is switched off, for the stated reason."""

    name: str
    function: StageFunction | None
    off: str | None = None
