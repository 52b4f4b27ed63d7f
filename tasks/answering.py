"""Questions in, traces out."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from blocks.embedder import open_embedder
from blocks.vector_index import open_index_store
from millrace.answering.config import AnsweringConfig
from millrace.answering.traces import Answerer, answer_part
from millrace.datasets.manifest import DatasetRef
from millrace.errors import NotFoundError
from millrace.ingestion.questions import QuestionTables, Screens, map_questions
from millrace.ingestion.readers import read_rows
from millrace.ledger import pointers
from millrace.methods.injection import InjectionRule, InjectionScreen
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.base import Identifier, Record
from millrace.records.source import SourceRef
from tasks.documents import IndexSnapshot, index_pointer
from tasks.effect import effect
from tasks.parts import Tables, map_parts, write_parts
from tasks.run import current_run
from tasks.stage import stage


class ReadQuestions(Record):
    """A file's questions, and what could not be taken."""

    questions: DatasetRef
    skips: DatasetRef


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
    pointer = pointers.pointer(current_run().home.ledger, index_pointer(name))
    if pointer is None:
        raise NotFoundError(
            f"no index {name!r} in this home; make one with `millrace run ingest-documents`", index=name
        )
    return IndexSnapshot.model_validate(pointer.value)


@stage
def answer_questions(questions: DatasetRef, index: IndexSnapshot, config: AnsweringConfig) -> DatasetRef:
    """One trace per question; a question that fails is a trace with its error."""
    opened = open_index_store(current_run().home.index_root).open(index.snapshot)
    try:
        answerer = Answerer(opened, index.snapshot, open_embedder(index.embedder.name), config, perf_counter)
        return map_parts(questions, partial(answer_part, answerer=answerer), kind="traces")
    finally:
        opened.close()
