"""A part of questions to the traces of answering them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from millrace.answering.config import AnsweringConfig
from millrace.answering.extractive import Candidate, Extract, candidates_of, extract
from millrace.answering.retrieval import retrieval_query, retrieve
from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import rows_of, table_of
from millrace.ports import Embedder, VectorIndex, Vectors
from millrace.records.answer import Question
from millrace.records.trace import Attribute, RetrievedContext, Span, SpanTiming, Trace

ANSWERER = "extractive"
Clock = Callable[[], float]


@dataclass(frozen=True)
class _Work:
    """A question on its way, with what was spent on it so far."""

    question: Question
    vector: Vectors
    contexts: list[RetrievedContext]
    candidates: list[Candidate]
    retrieval_ms: float


@dataclass(frozen=True)
class Answerer:
    """What answers: an opened index under its snapshot's name, an embedder, settings, and a clock in seconds."""

    index: VectorIndex
    snapshot: str
    embedder: Embedder
    config: AnsweringConfig
    clock: Clock

    @property
    def config_hash(self) -> str:
        """sha256 of everything but the documents that decides an answer."""
        return sha256_json([ANSWERER, self.config, self.embedder.identity])


def answer_part(questions: pa.Table, answerer: Answerer) -> pa.Table:
    """Answer every question of a part.

    Args:
        questions: rows of :class:`Question`; a row with ``blocked_by`` is not searched for.
        answerer: what answers.

    Returns:
        One row of :class:`Trace` per question, in order: ``answered``, ``abstained`` with a fixed sentence,
        ``blocked``, or ``failed`` for a blank question. Timings are the measured part: what was done for the whole
        part at once is shared out evenly.
    """
    rows: list[Question] = rows_of(Question, questions)
    open_rows = [row for row in rows if row.blocked_by is None and row.question.strip()]
    answered = dict(zip(map(id, open_rows), _answer(open_rows, answerer), strict=True))
    return table_of(Trace, [answered.get(id(row)) or _unanswered(row, answerer) for row in rows])


def _answer(questions: Sequence[Question], answerer: Answerer) -> list[Trace]:
    works = _retrieve_all(questions, answerer)
    began = answerer.clock()
    distinct = list(dict.fromkeys(candidate.text for work in works for candidate in work.candidates))
    vectors = answerer.embedder.embed(distinct)
    place = {text: row for row, text in enumerate(distinct)}
    share_ms = _since(answerer.clock, began) / max(1, len(works))
    traces = []
    for work in works:
        began = answerer.clock()
        own = vectors[[place[candidate.text] for candidate in work.candidates]]
        query = retrieval_query(work.question)
        found = extract(query, work.vector, work.contexts, work.candidates, own, answerer.config)
        traces.append(_answered(work, found, answerer, share_ms + _since(answerer.clock, began)))
    return traces


def _retrieve_all(questions: Sequence[Question], answerer: Answerer) -> list[_Work]:
    began = answerer.clock()
    vectors = answerer.embedder.embed([retrieval_query(question) for question in questions])
    share_ms = _since(answerer.clock, began) / max(1, len(questions))
    works = []
    for question, vector in zip(questions, vectors, strict=True):
        began = answerer.clock()
        limit = answerer.config.n_contexts
        contexts = retrieve(answerer.index, vector, tenant_id=question.tenant_id, limit=limit)
        spent = share_ms + _since(answerer.clock, began)
        works.append(_Work(question, vector, contexts, candidates_of(contexts), spent))
    return works


def _answered(work: _Work, found: Extract, answerer: Answerer, generation_ms: float) -> Trace:
    top = work.contexts[0].score if work.contexts else None
    spans = [
        _span("retrieval", snapshot=answerer.snapshot, n_contexts=len(work.contexts), top_score=top),
        _span("generation", answerer=ANSWERER, n_candidates=len(work.candidates), best_score=found.best_score),
    ]
    return _trace(
        work.question,
        answerer,
        contexts=work.contexts,
        answer=found.answer,
        citations=list(found.citations),
        status="answered" if found.citations else "abstained",
        spans=spans,
        timings=[
            SpanTiming(name="retrieval", duration_ms=work.retrieval_ms),
            SpanTiming(name="generation", duration_ms=generation_ms),
        ],
    )


def _unanswered(question: Question, answerer: Answerer) -> Trace:
    if question.blocked_by is not None:
        return _trace(question, answerer, status="blocked", error=f"blocked by {question.blocked_by}")
    return _trace(question, answerer, status="failed", error="the question is blank")


def _trace(question: Question, answerer: Answerer, **fields: Any) -> Trace:
    config_hash = answerer.config_hash
    identity = [config_hash, answerer.snapshot, question.tenant_id, question.question_id, question.question]
    shared = question.model_dump(exclude={"question_id", "blocked_by"})
    return Trace(trace_id=sha256_json(identity)[:32], config_hash=config_hash, answered_by=ANSWERER, **shared, **fields)


def _span(name: str, **facts: object) -> Span:
    known = sorted((key, value) for key, value in facts.items() if value is not None)
    return Span(name=name, attributes=[Attribute(name=key, value=_as_text(value)) for key, value in known])


def _as_text(value: object) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _since(clock: Clock, began: float) -> float:
    """Milliseconds, never negative."""
    return max(0.0, (clock() - began) * 1000)
