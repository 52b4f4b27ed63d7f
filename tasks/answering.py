"""Questions in, traces out."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from blocks.chat_model import open_chat_model
from blocks.consistency import open_consistency
from blocks.embedder import open_embedder
from blocks.names import ChatModelName, ConsistencyName, RerankerName, TokenizerName
from blocks.reranker import open_reranker
from blocks.tokenizer import open_tokenizer
from blocks.vector_index import open_index_store
from millrace.answering.config import AnsweringConfig, AnsweringTables
from millrace.answering.stages import Tools
from millrace.answering.traces import Answerer, answer_part
from millrace.datasets.manifest import DatasetRef
from millrace.errors import NotFoundError
from millrace.ingestion.questions import QuestionTables, Screens, map_questions, question_of
from millrace.ingestion.readers import read_rows
from millrace.ledger import pointers
from millrace.methods.injection import InjectionRule, InjectionScreen
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.ports import ChatModel, RequestJournal
from millrace.records.answer import Question
from millrace.records.base import Identifier, Record
from millrace.records.source import SourceRef
from millrace.statistics.counts import value_counts
from tasks.documents import IndexSnapshot, index_pointer
from tasks.effect import effect
from tasks.fingerprint import git_commit
from tasks.home import Home
from tasks.parts import Tables, map_parts, read_columns, write_parts
from tasks.progress import Progress
from tasks.requests import request_journal
from tasks.run import current_run, log, utc_now
from tasks.stage import stage

Logger: TypeAlias = "logging.Logger | logging.LoggerAdapter[Any]"
_FAILURES_LOGGED = 20  # of a part


class ReadQuestions(Record):
    """A file's questions, and what could not be taken."""

    questions: DatasetRef
    skips: DatasetRef


class Services(Record):
    """Names of what answers beside the index: a gateway for generated answers, and models of single stages."""

    gateway: ChatModelName | None = None
    reranker: RerankerName = RerankerName()
    tokenizer: TokenizerName = TokenizerName()
    consistency: ConsistencyName = ConsistencyName()


class Outcomes(Record):
    """How many traces ended how, and on which route; ``failures`` counts the errors, the most frequent first."""

    by_status: dict[str, int]
    by_route: dict[str, int]
    failures: dict[str, int]


@stage
def read_questions(source: SourceRef, redaction: list[RedactionRule], injection: list[InjectionRule]) -> ReadQuestions:
    """Read a table of questions; personal data is redacted, an injection is marked with the rule that found it."""
    screens = Screens(Redactor(redaction), InjectionScreen(injection))
    seen: set[str] = set()

    def jobs() -> Iterator[partial[Tables]]:
        for batch in read_rows(Path(source.path)):
            tables = map_questions(batch, screens, source=source.name, seen=seen)
            yield partial(_as_tables, tables)

    parts = write_parts(jobs(), ["questions", "skips"])
    return ReadQuestions(questions=parts["questions"], skips=parts["skips"])


def _as_tables(read: QuestionTables) -> Tables:
    return {"questions": read.questions, "skips": read.skips}


@effect
def read_active_index(name: Identifier) -> IndexSnapshot:
    """Which snapshot the index points to now."""
    return active_index(current_run().home, name)


@stage
def answer_questions(
    questions: DatasetRef,
    index: IndexSnapshot,
    config: AnsweringConfig,
    tables: AnsweringTables,
    services: Services,
    attempt: int,
) -> DatasetRef:
    """One trace per question; a question that fails is a trace with its error.

    Args:
        attempt: raised to ask again what failed; replies that were paid for come from the request journal.
    """
    home, journal = current_run().home, request_journal()
    progress = Progress("answering questions", total=questions.rows)
    with opened_answerer(home, index, config, tables, services, journal=journal) as answerer:
        answered = partial(_answered_part, answerer=answerer, tell=progress.advance, logger=log())
        return map_parts(questions, answered, kind="traces")


@stage
def count_outcomes(traces: DatasetRef) -> Outcomes:
    """How the questions ended."""
    columns = read_columns(traces, ["status", "route", "error"])
    failed = columns.filter(pc.equal(columns.column("status"), "failed"))
    return Outcomes(
        by_status=value_counts(columns.column("status")),
        by_route=value_counts(columns.column("route")),
        failures=value_counts(failed.column("error")),
    )


@contextmanager
def opened_answerer(
    home: Home,
    index: IndexSnapshot,
    config: AnsweringConfig,
    tables: AnsweringTables,
    services: Services,
    journal: RequestJournal | None = None,
) -> Iterator[Answerer]:
    """Everything that answers, opened, and closed at the end."""
    redactor = Redactor(tables.redaction)
    chat = _chat_model(config, services, journal, lambda text: redactor.redact(text).text)
    embedder = open_embedder(index.embedder.name)
    aggregation = "max" if config.hallucination is None else config.hallucination.aggregation
    opened = open_index_store(home.index_root, index.store.name).open(index.snapshot)
    try:
        tools = Tools(
            index=opened,
            embedder=embedder,
            tokenizer=open_tokenizer(services.tokenizer.name),
            consistency=open_consistency(
                services.consistency.name, embedder=embedder, model=tables.groundedness, aggregation=aggregation
            ),
            chat=chat,
            reranker=open_reranker(services.reranker.name),
        )
        yield Answerer(tools, tables, config, _steady_clock(), git_commit(Path(__file__).parent))
    finally:
        opened.close()


def active_index(home: Home, name: str) -> IndexSnapshot:
    """The snapshot that an index points to.

    Raises:
        NotFoundError: there is no such index.
    """
    pointer = pointers.pointer(home.ledger, index_pointer(name))
    if pointer is None:
        raise NotFoundError(
            f"no index {name!r} in this home; make one with `millrace run ingest-documents`", index=name
        )
    return IndexSnapshot.model_validate(pointer.value)


def screened_question(fields: Mapping[str, object], tables: AnsweringTables) -> Question:
    """One question as the flow would read it: redacted and screened.

    Raises:
        BadInputError: a field is missing or has a wrong value.
    """
    screens = Screens(Redactor(tables.redaction), InjectionScreen(tables.injection))
    return question_of(fields, screens)


def _answered_part(questions: pa.Table, *, answerer: Answerer, tell: Callable[[int], None], logger: Logger) -> pa.Table:
    traces = answer_part(questions, answerer)
    tell(questions.num_rows)
    _log_failures(traces, logger)
    return traces


def _log_failures(traces: pa.Table, logger: Logger) -> None:
    """The first failures by trace id, and how many more there are; why is in the traces."""
    failed = traces.filter(pc.equal(traces.column("status"), "failed")).column("trace_id").to_pylist()
    for trace_id in failed[:_FAILURES_LOGGED]:
        logger.warning("the answer failed, trace %s", trace_id, extra={"trace_id": trace_id})
    if len(failed) > _FAILURES_LOGGED:
        logger.warning("%d more answers failed", len(failed) - _FAILURES_LOGGED)


def _chat_model(
    config: AnsweringConfig, services: Services, journal: RequestJournal | None, redact: Callable[[str], str]
) -> ChatModel | None:
    if services.gateway is None or config.answerer == "extractive":
        return None
    return open_chat_model(services.gateway.name, journal=journal, redact=redact)


def _steady_clock() -> Callable[[], float]:
    """Seconds since the epoch that never run backwards."""
    began, start = utc_now().timestamp(), perf_counter()
    return lambda: began + perf_counter() - start
