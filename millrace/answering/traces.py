"""A part of questions to the traces of answering them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa

from millrace.answering.config import AnsweringConfig, AnsweringTables
from millrace.answering.draft import Draft
from millrace.answering.extractive import ANSWERER
from millrace.answering.pipeline import Clock, run_stages
from millrace.answering.stages import Tools, answering_stages, config_hash
from millrace.answering.standalone import begin_drafts
from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.datasets.schema import arrow_schema, rows_of, table_of
from millrace.ports import ChatUsage
from millrace.records.answer import Question
from millrace.records.trace import ModelCall, Trace, TraceStatus

_QUESTIONS_AT_ONCE = 1000  # whose passages are in memory together
_NOT_OF_TRACES = {"question_id", "blocked_by", "reported_pii", "pii_blocked_by"}
NOBODY = "none"


@dataclass(frozen=True)
class Answerer:
    """What answers: opened tools, tables, settings, a clock and the commit of the code that answers.

    ``clock`` gives seconds since the epoch and never runs backwards.
    """

    tools: Tools
    tables: AnsweringTables
    config: AnsweringConfig
    clock: Clock
    version: str | None = None

    @cached_property
    def config_hash(self) -> str:
        """sha256 of everything but the documents that decides an answer."""
        return config_hash(self.tools, self.tables, self.config)


def answer_part(questions: pa.Table, answerer: Answerer) -> pa.Table:
    """Answer every question of a part.

    Args:
        questions: rows of :class:`Question`; what was blocked when they were read is not searched for.
        answerer: what answers.

    Returns:
        One row of :class:`Trace` per question, in order: ``answered``, ``abstained`` with a fixed sentence,
        ``blocked``, ``escalated`` to a person, or ``failed`` with the error. Each has a span for every stage; timings
        and calls are the measured part: what was done for many questions at once is shared out evenly.
    """
    slices = (questions.slice(start, _QUESTIONS_AT_ONCE) for start in range(0, questions.num_rows, _QUESTIONS_AT_ONCE))
    done = [table_of(Trace, answer(rows_of(Question, each), answerer)) for each in slices]
    return pa.concat_tables([arrow_schema(Trace).empty_table(), *done])


def answer(questions: Sequence[Question], answerer: Answerer) -> list[Trace]:
    """One trace per question, in order; all of them are in memory together."""
    stages = answering_stages(answerer.tools, answerer.tables, answerer.config)
    drafts = run_stages(_begun(questions, answerer), stages, answerer.clock)
    return [_trace(draft, answerer) for draft in drafts]


def _begun(questions: Sequence[Question], answerer: Answerer) -> list[Draft]:
    routes = answerer.tables.routes
    if answerer.config.expansion is None:
        drafts = [Draft(each, each.question, (each.question,), routes.fallback) for each in questions]
    else:
        drafts = begin_drafts(questions, routes.fallback)
    direct = routes.named(routes.fallback).handler == "direct"
    drafts = [replace(draft, direct=direct) for draft in drafts]
    return [
        draft if draft.question.question.strip() else draft.ended("failed", "the question is blank") for draft in drafts
    ]


def _trace(draft: Draft, answerer: Answerer) -> Trace:
    question = draft.question
    identity = [
        answerer.config_hash,
        answerer.tools.index.snapshot,
        question.tenant_id,
        question.question_id,
        question.question,
    ]
    usages = [usage for _, usage in draft.usages]
    return Trace(
        **question.model_dump(exclude=_NOT_OF_TRACES),
        trace_id=sha256_json(identity)[:32],
        contexts=[passage.context for passage in draft.passages],
        answer=draft.answer,
        citations=list(draft.citations),
        status=_status(draft),
        error=draft.error,
        answered_by=_answered_by(draft, answerer),
        config_hash=answerer.config_hash,
        route=draft.route or None,
        output=None if draft.output is None else canonical_json(dict(draft.output)).decode(),
        spans=list(draft.spans),
        scores=list(draft.scores),
        input_tokens=_total(usage.input_tokens for usage in usages),
        output_tokens=_total(usage.output_tokens for usage in usages),
        pipeline_version=answerer.version,
        timings=list(draft.timings),
        calls=[_call(purpose, usage) for purpose, usage in draft.usages],
        cost_usd=_cost(usages),
    )


def _status(draft: Draft) -> TraceStatus:
    """Undecided to the end is answered, where there is an answer."""
    return draft.status or ("abstained" if draft.answer is None else "answered")


def _answered_by(draft: Draft, answerer: Answerer) -> str:
    if draft.answered_by is not None:
        return draft.answered_by
    tried = [usage.model for purpose, usage in draft.usages if purpose == "generation"]
    return tried[-1] if tried else (ANSWERER if answerer.tools.chat is None else NOBODY)


def _call(purpose: str, usage: ChatUsage) -> ModelCall:
    return ModelCall(
        purpose=purpose,
        model=usage.model,
        tries=usage.tries,
        retried_for=list(usage.retried_for),
        duration_ms=usage.duration_ms,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        cost_reason=usage.cost_reason,
        remembered=usage.remembered,
    )


def _total(counts: Iterable[int | None]) -> int | None:
    """None where nothing was called, or where one of the calls does not tell."""
    known = list(counts)
    return None if not known or None in known else sum(each for each in known if each is not None)


def _cost(usages: Sequence[ChatUsage]) -> float | None:
    costs = [usage.cost_usd for usage in usages]
    return None if not costs or None in costs else sum(cost for cost in costs if cost is not None)
