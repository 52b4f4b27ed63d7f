"""What a replay works on: the tasks of a file, and the knowledge that a distillation exported."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion.questions import Screens, question_of
from millrace.ingestion.readers import Row, read_rows
from millrace.ingestion.row_objects import object_of, skip_row
from millrace.methods.injection import InjectionRule, InjectionScreen
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.base import Identifier, Record
from millrace.records.json_file import read_json_record
from millrace.records.receipt import Receipt
from millrace.records.replay import ReplayTask
from millrace.records.source import SourceRef
from millrace.records.trace import SkipRow
from millrace.replay.bundle import knowledge_chunks
from millrace.replay.steps import read_steps
from tasks.distillations import find_distillation
from tasks.effect import effect
from tasks.parts import Tables, map_parts, write_parts
from tasks.run import current_run
from tasks.stage import stage

EXPORT_RAG = "export-rag"


class ReadTasks(Record):
    """A file's tasks, and what could not be taken."""

    tasks: DatasetRef
    skips: DatasetRef


class Knowledge(Record):
    """What a distillation exported for retrieval, and the snapshot it is searched in."""

    distill_run: Identifier
    rows: DatasetRef


@stage
def read_tasks(source: SourceRef, redaction: list[RedactionRule], injection: list[InjectionRule]) -> ReadTasks:
    """Read a file of tasks as `answer-questions` reads its questions, with the validation steps of a row."""
    screens = Screens(Redactor(redaction), InjectionScreen(injection))
    seen: set[str] = set()

    def jobs() -> Iterator[partial[Tables]]:
        for batch in read_rows(Path(source.path)):
            tasks, skips = _tasks(list(batch), screens, source.name, seen)
            yield partial(dict[str, pa.Table], replay_tasks=tasks, skips=skips)

    parts = write_parts(jobs(), ["replay_tasks", "skips"])
    return ReadTasks(tasks=parts["replay_tasks"], skips=parts["skips"])


@effect
def find_knowledge(distill_run: str | None) -> Knowledge:
    """The RAG export of a distillation: of the run that is named, or of the newest that was completed.

    Raises:
        NotFoundError: there is none, or this home does not hold its export any more.
        BadInputError: the run is none of `distill`, or was not completed.
    """
    run = current_run()
    found = find_distillation(run.home, distill_run)
    path = run.home.run_folder(found) / "receipts" / f"{EXPORT_RAG}.json"
    if not path.is_file():
        raise NotFoundError(f"run {found} left no receipt {path.name}: nothing to retrieve from", file=str(path))
    output = read_json_record(path, Receipt).output
    if not isinstance(output, dict) or "rows" not in output:
        raise BadInputError(f"run {found}: its receipt {path.name} names no rows", file=str(path))
    rows = DatasetRef.model_validate(output["rows"])
    if not run.home.datasets.exists(rows):
        raise NotFoundError(f"run {found}: its RAG export {rows.name} is not in this home any more")
    return Knowledge(distill_run=found, rows=rows)


@stage
def cut_knowledge(rows: DatasetRef) -> DatasetRef:
    """The RAG export as passages that an index can hold."""
    return map_parts(rows, knowledge_chunks, kind="chunks")


def _tasks(batch: Sequence[Row], screens: Screens, source: str, seen: set[str]) -> tuple[pa.Table, pa.Table]:
    """Rows as tasks; one that cannot be taken, or whose validation steps cannot be used, is a skip."""
    tasks, skips = [], []
    for row in batch:
        try:
            task = _task(row, screens)
            if task.question_id in seen:
                raise BadInputError("a task with this id came before", reason="duplicate_id")
        except BadInputError as error:
            skips.append(skip_row(row, error, source))
        else:
            seen.add(task.question_id)
            tasks.append(task)
    return table_of(ReplayTask, tasks), table_of(SkipRow, skips)


def _task(row: Row, screens: Screens) -> ReplayTask:
    content = object_of(row)
    steps = read_steps(content.get("validation") or [])
    question = question_of(content, screens)
    return ReplayTask(**dict(question), validation=steps)
