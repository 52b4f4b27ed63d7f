"""Collects evidence from everything Millrace writes and from files, and what the application is evaluated on (D1)."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow.compute as pc
from pydantic import AwareDatetime, Field

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of
from millrace.distillation.annotation_stream import AnnotatedRun
from millrace.distillation.collect import file_jobs
from millrace.distillation.eval_examples import EvalRow, eval_tables, file_examples, golden_examples
from millrace.distillation.evidence import EvidenceBatch, EvidenceJobs
from millrace.distillation.golden_stream import GoldenDataset
from millrace.distillation.home_streams import OpenStreams, evidence_streams
from millrace.distillation.part_groups import OpenSource
from millrace.distillation.stream_mapping import StreamMapping
from millrace.distillation.streams import MillraceStreams, Scope, SourceDataset, StreamCounts, known_streams
from millrace.errors import BadInputError
from millrace.golden.usable import usable_annotations
from millrace.ingestion.readers import Row, read_rows
from millrace.ingestion.row_objects import object_of
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.annotation import AnnotationTask
from millrace.records.base import Identifier, Record
from millrace.records.source import SourceRef
from tasks.effect import effect
from tasks.evidence_sources import find_streams
from tasks.parts import Tables, read_dataset, write_parts, write_tables
from tasks.run import current_run
from tasks.stage import stage


class FileStream(Record):
    """A file of evidence from elsewhere, and how its rows are read."""

    source: SourceRef
    mapping: StreamMapping
    redaction: list[RedactionRule] = Field(default=[], description="Empty: the file was redacted before")
    default_time: AwareDatetime | None = None
    tenant_id: Identifier | None = None


class CollectedEvidence(Record):
    """All evidence, what could not be taken, and what became of each stream."""

    evidence: DatasetRef
    skips: DatasetRef
    counts: dict[Identifier, StreamCounts]


class EvalExamples(Record):
    """What the application is evaluated on, and rows of files that could not be taken."""

    examples: DatasetRef
    skips: DatasetRef


@dataclass(frozen=True)
class _Stream:
    """A stream of any kind; ``n_rows``, where it is known, is how many rows are looked at."""

    name: str
    jobs: Callable[[], EvidenceJobs]
    n_rows: int | None = None


@dataclass(frozen=True)
class _Tally:
    """What a job gave."""

    taken: int
    skipped: Counter[str]


@effect
def resolve_streams(
    tenants: list[str] | None, start: AwareDatetime | None, end: AwareDatetime | None, streams: list[str]
) -> MillraceStreams:
    """The datasets that these streams come from, as known when the run began, and what people answered until now.

    Args:
        tenants: only theirs; None for all.
        start, end: only traces and replays in that stretch, end exclusive, and what is said of these traces; golden
            rows are of no time.

    Raises:
        BadInputError: a stream that does not exist; the message lists them.
    """
    scope = Scope(tenants=sorted(set(tenants)) if tenants is not None else None, start=start, end=end)
    return find_streams(current_run(), scope, known_streams(streams))


@stage
def collect_evidence(streams: MillraceStreams, files: list[FileStream]) -> CollectedEvidence:
    """One record for each answer, correction, expected answer and row of a file, bound to the row it comes from.

    Raises:
        BadInputError: two files of one name in one stream.
    """
    _check_names(files)
    book = _Book([*_home_streams(streams), *(_file_stream(file) for file in files)])
    parts = write_parts(book.jobs(), ["evidence", "skips"])
    return CollectedEvidence(evidence=parts["evidence"], skips=parts["skips"], counts=book.counts())


@stage
def collect_eval_examples(
    streams: MillraceStreams, files: list[SourceRef], redaction: list[RedactionRule]
) -> EvalExamples:
    """The eval side of all golden datasets and the rows of the files, each question once, sorted by id.

    Files are redacted as evidence is: a question with personal data would not be found in it otherwise.
    """
    examples, skips = golden_examples(_open_golden(streams)), []
    redactor = Redactor(redaction)
    for file in files:
        for batch in read_rows(Path(file.path)):
            taken, left_out = file_examples(map(_eval_row, batch), file.name, redactor)
            examples += taken
            skips += left_out
    tables = eval_tables(examples, skips)
    examples_ref, skips_ref = write_tables(eval_examples=tables.examples, skips=tables.skips)
    return EvalExamples(examples=examples_ref, skips=skips_ref)


def _check_names(files: list[FileStream]) -> None:
    named = Counter((file.mapping.stream, file.source.name) for file in files)
    for (stream, name), n_files in named.items():
        if n_files > 1:
            raise BadInputError(
                f"stream {stream} has {n_files} files named {name}: evidence could not be traced back to one of them; "
                "rename one",
                stream=stream,
                file=name,
            )


def _file_stream(file: FileStream) -> _Stream:
    redactor = Redactor(file.redaction) if file.redaction else None
    return _Stream(
        file.mapping.stream,
        partial(
            file_jobs,
            Path(file.source.path),
            file.source.name,
            file.mapping,
            redactor,
            file.default_time,
            file.tenant_id,
        ),
    )


def _home_streams(streams: MillraceStreams) -> list[_Stream]:
    annotated = [
        AnnotatedRun(read_dataset(each.tasks), OpenSource(read_dataset(each.annotations), each.run_id))
        for each in streams.annotations
    ]
    opened = OpenStreams(
        names=streams.streams,
        scope=Scope(tenants=streams.tenants, start=streams.start, end=streams.end),
        traces=_open(streams.traces),
        groundedness=[read_dataset(ref) for ref in streams.groundedness],
        triage=[read_dataset(ref) for ref in streams.triage],
        metric_scores=[read_dataset(ref) for ref in streams.metric_scores],
        human_ratings=[read_dataset(ref) for ref in streams.human_ratings],
        feedback=_open(streams.feedback),
        annotated=annotated,
        refused=_refused(annotated),
        golden=_open_golden(streams),
        replays=_open(streams.replays),
    )
    return [_Stream(each.name, each.jobs, each.n_rows) for each in evidence_streams(opened)]


def _open(sources: list[SourceDataset]) -> list[OpenSource]:
    return [OpenSource(read_dataset(each.ref), each.run_id) for each in sources]


def _open_golden(streams: MillraceStreams) -> list[GoldenDataset]:
    return [GoldenDataset(each, OpenSource(read_dataset(each.ref), each.run_id)) for each in streams.golden]


def _refused(annotated: list[AnnotatedRun]) -> dict[str, str]:
    """Why annotations settle nothing, by the rules by which golden datasets grow."""
    tasks = {task.task_id: task for each in annotated for task in rows_of(AnnotationTask, each.tasks.to_arrow())}
    _, rejected = usable_annotations([answer for each in annotated for answer in each.annotations], tasks)
    return {each.annotation_id: each.reason for each in rejected}


class _Book:
    """The jobs of all streams, one after another, and what each gave."""

    def __init__(self, sources: list[_Stream]) -> None:
        self._sources = sources
        self._source_of: list[int] = []
        self._tallies: dict[int, _Tally] = {}

    def jobs(self) -> Iterator[Callable[[], Tables]]:
        """Jobs for ``write_parts``, each leaving its tally."""
        for number, (source, job) in enumerate(self._each()):
            self._source_of.append(source)
            yield partial(self._tables, number, job)

    def counts(self) -> dict[str, StreamCounts]:
        """What became of each stream, by name."""
        self._catch_up()
        found = {source.name: StreamCounts(taken=0) for source in self._sources}
        for number, source in enumerate(self._sources):
            found[source.name] = _sum(found[source.name], self._count(number, source))
        return dict(sorted(found.items()))

    def _each(self) -> Iterator[tuple[int, Callable[[], EvidenceBatch]]]:
        return ((number, job) for number, source in enumerate(self._sources) for job in source.jobs())

    def _tables(self, number: int, job: Callable[[], EvidenceBatch]) -> Tables:
        batch = job()
        self._tallies[number] = _tally(batch)
        return {"evidence": batch.evidence, "skips": batch.skips}

    def _catch_up(self) -> None:
        """Count again what an interrupted run committed: those parts were not computed this time."""
        if len(self._tallies) < len(self._source_of):
            for number, (_, job) in enumerate(self._each()):
                if number not in self._tallies:
                    self._tallies[number] = _tally(job())

    def _count(self, number: int, source: _Stream) -> StreamCounts:
        own = [self._tallies[job] for job, of in enumerate(self._source_of) if of == number]
        taken, skipped = sum(each.taken for each in own), Counter[str]()
        for each in own:
            skipped += each.skipped
        left = 0 if source.n_rows is None else source.n_rows - taken - skipped.total()
        return StreamCounts(taken=taken, skipped=skipped, without_answer=left)


def _tally(batch: EvidenceBatch) -> _Tally:
    reasons = pc.value_counts(batch.skips.column("reason")).to_pylist()
    return _Tally(batch.evidence.num_rows, Counter({each["values"]: each["counts"] for each in reasons}))


def _sum(first: StreamCounts, second: StreamCounts) -> StreamCounts:
    return StreamCounts(
        taken=first.taken + second.taken,
        skipped=dict(sorted((Counter(first.skipped) + Counter(second.skipped)).items())),
        without_answer=first.without_answer + second.without_answer,
    )


def _eval_row(row: Row) -> EvalRow:
    try:
        content: dict[str, object] | BadInputError = object_of(row)
    except BadInputError as error:
        content = error
    return EvalRow(row.line, row.row_hash, content)
