"""Files of rows: traces, feedback, questions, references, tasks, evidence, calibration cases."""

from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from apps.cli.calibration_files import read_cases
from apps.cli.lineage_files import RowPlace, export_of
from apps.cli.planning import count_rows
from apps.cli.trace_files import LINES
from millrace.datasets.schema import rows_of
from millrace.distillation.collect import file_jobs
from millrace.distillation.eval_examples import EvalRow, eval_tables, file_examples
from millrace.distillation.stream_mapping import StreamMapping
from millrace.errors import BadInputError
from millrace.evaluation.references import ReferenceRow, merge_references, read_reference_rows
from millrace.ingestion.feedback import FeedbackImport, FeedbackSettings, feedback_form
from millrace.ingestion.mapping import TraceMapping
from millrace.ingestion.questions import Screens, map_questions
from millrace.ingestion.readers import Row, read_rows
from millrace.ingestion.row_objects import object_of
from millrace.ingestion.trace_import import ImportSettings, import_traces
from millrace.methods.injection import InjectionScreen
from millrace.records.answer import Question
from millrace.records.evaluation import Reference
from millrace.records.evidence import Evidence
from millrace.records.feedback import Feedback
from millrace.records.kinds import KINDS
from millrace.records.replay import ReplayTask
from millrace.records.trace import HumanRating, SkipRow, Trace
from tasks.ingestion import bundled_mapping
from tasks.replay_inputs import _tasks
from tasks.tables import injection_rules, stream_mapping
from tests.hostile import row_seeds
from tests.hostile.cases import (
    BINARY_WORDS,
    JSON_WORDS,
    ROOT,
    Reader,
    one_file,
    redactor,
    storable,
    the_file,
)

_TIME = datetime(2026, 11, 9, tzinfo=UTC)
_TESTS = "tests/ingestion/data/"


def readers() -> list[Reader]:
    """One for each mapping that comes with Millrace, and for each other kind of file."""
    json_modules = ("millrace.ingestion.row_objects",)
    mappings = sorted(path.stem for path in (ROOT / "configs" / "mappings").glob("*.yaml"))
    streams = sorted(path.stem for path in (ROOT / "configs" / "streams").glob("*.yaml"))
    return [
        *(_trace_reader(name, json_modules) for name in mappings),
        Reader("traces:json", _read_own, lambda: one_file("in.json", *row_seeds.arrays()), JSON_WORDS, json_modules),
        Reader(
            "traces:parquet",
            _read_own,
            lambda: one_file("in.parquet", *row_seeds.parquets()),
            BINARY_WORDS,
            ("millrace.ingestion.readers",),
        ),
        Reader(
            "feedback",
            _read_feedback,
            lambda: one_file("in.jsonl", row_seeds.lines_of(row_seeds.FEEDBACK)),
            JSON_WORDS,
            json_modules,
        ),
        Reader(
            "questions",
            _read_questions,
            lambda: one_file("in.jsonl", *row_seeds.questions()),
            JSON_WORDS,
            (*json_modules, "millrace.methods.disguises"),
        ),
        Reader(
            "references",
            _read_references,
            lambda: one_file("in.jsonl", *row_seeds.references()),
            JSON_WORDS,
            json_modules,
        ),
        Reader(
            "eval-files", _read_eval, lambda: one_file("in.jsonl", *row_seeds.references()), JSON_WORDS, json_modules
        ),
        Reader(
            "replay-tasks",
            _read_tasks,
            lambda: one_file("in.jsonl", row_seeds.lines_of(row_seeds.TASKS)),
            JSON_WORDS,
            ("millrace.replay.steps",),
        ),
        *(_stream_reader(name) for name in streams),
        Reader(
            "calibration-set",
            _read_calibration,
            lambda: one_file("in.jsonl", row_seeds.lines_of(row_seeds.CASES)),
            JSON_WORDS,
            ("apps.cli.calibration_files",),
        ),
        Reader(
            "export-row:jsonl",
            _read_place,
            lambda: one_file("in.jsonl", *row_seeds.references()),
            JSON_WORDS,
            ("apps.cli.lineage_files",),
        ),
        Reader(
            "export-row:parquet",
            _read_place,
            lambda: one_file("in.parquet", *row_seeds.parquets()),
            BINARY_WORDS,
            ("apps.cli.lineage_files",),
        ),
        Reader(
            "count-rows",
            _count_rows,
            lambda: one_file("in.parquet", *row_seeds.parquets()),
            BINARY_WORDS,
            ("apps.cli.planning",),
            share=0.3,
        ),
    ]


def _trace_reader(mapping: str, modules: tuple[str, ...]) -> Reader:
    seeds = {"millrace": row_seeds.own_traces, "otlp": row_seeds.otlp, "langfuse": row_seeds.langfuse}.get(
        mapping, row_seeds.mtrag
    )
    name = {"langfuse": "in.json"}.get(mapping, "in.jsonl")
    parsers = {"otlp": "millrace.ingestion.chat_messages", "langfuse": "millrace.ingestion.chat_messages"}
    return Reader(
        f"traces:{mapping}",
        partial(_read_mapped, mapping),
        lambda: one_file(name, *seeds()),
        JSON_WORDS,
        (*modules, *([parsers[mapping]] if mapping in parsers else [])),
        share=2,
    )


def _stream_reader(name: str) -> Reader:
    return Reader(
        f"stream:{name}",
        partial(_read_stream, name),
        lambda: one_file("in.jsonl", *row_seeds.evidence()),
        JSON_WORDS,
        ("millrace.distillation.stream_rows", "millrace.distillation.collect_parse"),
        share=0.5,
    )


@cache
def _mapping(name: str) -> TraceMapping:
    return bundled_mapping(name)


@cache
def _stream(name: str) -> StreamMapping:
    return stream_mapping(name)


@cache
def _screens() -> Screens:
    return Screens(redactor(), InjectionScreen(injection_rules()))


def _read_mapped(mapping: str, folder: Path, _scratch: Path) -> None:
    n_rows = 0
    for batch in import_traces(the_file(folder), ImportSettings(_mapping(mapping), redactor(), _TIME, "mill")):
        storable(Trace, batch.traces)
        storable(HumanRating, batch.labels)
        storable(SkipRow, batch.skips)
        n_rows += batch.traces.num_rows
    lines = LINES.values() if n_rows else ()
    exported = [line(trace) for trace in rows_of(Trace, batch.traces) for line in lines] if n_rows else []
    assert all(exported)


_read_own = partial(_read_mapped, "millrace")


def _read_feedback(folder: Path, _scratch: Path) -> None:
    for scale in ("stars", "unit", None):
        settings = FeedbackSettings(feedback_form(scale, {}), redactor(), _TIME, "mill")
        for batch in FeedbackImport(settings, "in.jsonl").batches(the_file(folder)):
            storable(Feedback, batch.feedback)
            storable(SkipRow, batch.skips)


def _read_questions(folder: Path, _scratch: Path) -> None:
    seen: set[str] = set()
    for batch in read_rows(the_file(folder)):
        tables = map_questions(batch, _screens(), source="in.jsonl", seen=seen)
        storable(Question, tables.questions)
        storable(SkipRow, tables.skips)


def _content(row: Row) -> Any:
    try:
        return object_of(row)
    except BadInputError as error:
        return error


def _read_references(folder: Path, _scratch: Path) -> None:
    read = [
        read_reference_rows(
            [ReferenceRow(row.line, row.row_hash, _content(row)) for row in batch],
            source="in.jsonl",
            redactor=redactor(),
            tenant_id="mill",
        )
        for batch in read_rows(the_file(folder))
    ]
    for each in read:
        storable(Reference, each.references)
        storable(SkipRow, each.skips)
    merge_references([each.references for each in read])


def _read_eval(folder: Path, _scratch: Path) -> None:
    examples, skips = [], []
    for batch in read_rows(the_file(folder)):
        rows = [EvalRow(row.line, row.row_hash, _content(row)) for row in batch]
        taken, left = file_examples(rows, "in.jsonl", redactor())
        examples += taken
        skips += left
    tables = eval_tables(examples, skips)
    storable(KINDS["eval_examples"].model, tables.examples)
    storable(SkipRow, tables.skips)


def _read_tasks(folder: Path, _scratch: Path) -> None:
    seen: set[str] = set()
    for batch in read_rows(the_file(folder)):
        tasks, skips = _tasks(batch, _screens(), "in.jsonl", seen)
        storable(ReplayTask, tasks)
        storable(SkipRow, skips)


def _read_stream(name: str, folder: Path, _scratch: Path) -> None:
    path = the_file(folder)
    for job in file_jobs(path, "in.jsonl", _stream(name), redactor(), _TIME, "mill"):
        batch = job()
        storable(Evidence, batch.evidence)
        storable(SkipRow, batch.skips)


def _read_calibration(folder: Path, _scratch: Path) -> None:
    read_cases(the_file(folder))


def _read_place(folder: Path, _scratch: Path) -> None:
    path = the_file(folder)
    for number in (1, 2):
        export_of(RowPlace(path, number).read())


def _count_rows(folder: Path, _scratch: Path) -> None:
    count_rows(the_file(folder))
