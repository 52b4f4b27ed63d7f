"""What annotators would have answered, as evidence beside the traces they were asked about."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.dataset import Dataset
from millrace.datasets.schema import rows_of
from millrace.distillation.dataset_rows import dataset_row_hashes
from millrace.distillation.evidence import EvidenceBatch, EvidenceJobs, as_evidence
from millrace.distillation.golden_stream import QuestionSplits
from millrace.distillation.marker_lists import column, marker_lists
from millrace.distillation.part_groups import OpenSource
from millrace.distillation.stream_columns import (
    NO_EVIDENCE,
    NO_SKIPS,
    identifiers,
    is_blank,
    passages,
    put_together,
    question_keys,
    skips,
)
from millrace.distillation.streams import Scope
from millrace.distillation.trace_index import Mask, Places, TraceIndex
from millrace.records.annotation import Annotation

AGREES = "second_opinion"
DISAGREES = "disagreement"
_MESSAGES = {
    "unknown_task": "the task of the annotation is not known",
    "invalid": "the annotation does not fit its task",
    "superseded": "the annotator answered again",
    "adjudicated": "another answer settles the task",
}
_SAID = pa.schema(
    [
        ("trace_id", pa.string()),
        ("annotation", pa.string()),
        ("annotation_support", pa.string()),
        ("annotation_disagreement", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class AnnotatedRun:
    """The tasks of one run and the answers to them, opened; each is read as one table, for people wrote them."""

    tasks: Dataset
    answers: OpenSource

    @cached_property
    def table(self) -> pa.Table:
        """Table of Annotation."""
        return self.answers.dataset.to_arrow()

    @cached_property
    def annotations(self) -> list[Annotation]:
        """The answers as records."""
        return rows_of(Annotation, self.table)

    def asked(self) -> pa.Table:
        """Table of AnnotationTask: of each annotation its task, a row of nulls where there is none."""
        tasks = self.tasks.to_arrow().combine_chunks()
        places = pc.index_in(self.table.column("task_id"), tasks.column("task_id").combine_chunks())
        return tasks.take(places)


@dataclass(frozen=True)
class AnnotationRules:
    """How annotations are looked at.

    Attributes:
        refused: by annotation id, why it settles nothing; see ``golden.usable``. An agreeing and a disagreeing answer
            are records all the same, the others are skips.
    """

    refused: Mapping[str, str]
    scope: Scope
    splits: QuestionSplits


def annotation_jobs(runs: Sequence[AnnotatedRun], index: TraceIndex, rules: AnnotationRules) -> EvidenceJobs:
    """A job a run that asked: its annotations with an expected answer.

    Within a window those on traces of the index count; without one all do.
    """
    return (partial(_annotations, each, index, rules) for each in runs)


def count_annotations(runs: Sequence[AnnotatedRun], index: TraceIndex, scope: Scope) -> int:
    """How many annotations there are within the scope."""
    return sum(int(_looked_at(each, each.asked(), index, scope).sum()) for each in runs)


def said_of_traces(runs: Sequence[AnnotatedRun], refused: Mapping[str, str]) -> pa.Table:
    """What annotators say of each trace together, those submitted last at the end.

    Returns:
        ``trace_id``; ``annotation``, the verdict they agree on or that settles their disagreement;
        ``annotation_support``, where all who count and judged it say the same; ``annotation_disagreement``, true while
        nothing settles it, else null.
    """
    by_task: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in (each for run in runs for each in run.annotations):
        if refused.get(annotation.annotation_id) in (None, AGREES, DISAGREES):
            by_task[annotation.task_id].append(annotation)
    ordered = sorted(by_task.items(), key=lambda item: (max(each.submitted_at for each in item[1]), item[0]))
    return pa.Table.from_pylist([_said(answers, refused) for _, answers in ordered], schema=_SAID)


def users_who_asked(runs: Sequence[AnnotatedRun]) -> dict[str, str]:
    """Who asked, by trace id, for the traces that people were asked about; those without a user are left out."""
    found: dict[str, str] = {}
    for each in runs:
        tasks = each.tasks.to_arrow().select(["trace_id", "user_id"])
        known = tasks.filter(tasks.column("user_id").is_valid())
        found |= dict(zip(*(known.column(name).to_pylist() for name in known.column_names), strict=True))
    return found


def annotators(runs: Sequence[AnnotatedRun]) -> dict[str, str]:
    """Who gave each answer, by annotation id."""
    return {each.annotation_id: each.annotator for run in runs for each in run.annotations}


def _said(answers: Sequence[Annotation], refused: Mapping[str, str]) -> dict[str, object]:
    trace_id = answers[0].trace_id
    if any(refused.get(each.annotation_id) == DISAGREES for each in answers):
        return {"trace_id": trace_id, "annotation_disagreement": True}
    support = {each.support for each in answers if each.support is not None}
    return {
        "trace_id": trace_id,
        "annotation": answers[0].verdict,
        "annotation_support": support.pop() if len(support) == 1 else None,
    }


def _annotations(run: AnnotatedRun, index: TraceIndex, rules: AnnotationRules) -> EvidenceBatch:
    asked = run.asked()
    written = ~np.asarray(is_blank(run.table.column("expected_answer")))
    open_rows = _looked_at(run, asked, index, rules.scope) & written
    reasons = np.array([rules.refused.get(each.annotation_id, "") for each in run.annotations], dtype=object)
    counts = np.isin(reasons, ["", AGREES, DISAGREES])
    left_out = [_left_out(run, np.flatnonzero(open_rows & (reasons == each)), each) for each in sorted(_MESSAGES)]
    taken = np.flatnonzero(open_rows & counts)
    return put_together([*left_out, EvidenceBatch(_evidence(run, asked, taken, reasons[taken], rules), NO_SKIPS)])


def _looked_at(run: AnnotatedRun, asked: pa.Table, index: TraceIndex, scope: Scope) -> Mask:
    """One truth value an annotation: whether its task's tenant, and within a window its trace, is looked at."""
    known = asked.column("task_id").is_valid().to_numpy(zero_copy_only=False)
    inside = np.asarray(scope.within(asked.select(["tenant_id"])).fill_null(False).to_numpy(zero_copy_only=False))
    if scope.has_window:
        inside = inside & (index.places(run.table.column("trace_id"), asked.column("tenant_id")) >= 0)
    looked_at: Mask = inside | ~known
    return looked_at


def _left_out(run: AnnotatedRun, numbers: Places, reason: str) -> EvidenceBatch:
    hashes = dataset_row_hashes(Annotation, run.table.take(pa.array(numbers)))
    return EvidenceBatch(NO_EVIDENCE, skips(run.answers.name, numbers, reason, _MESSAGES[reason], hashes))


def _evidence(
    run: AnnotatedRun, asked: pa.Table, numbers: Places, reasons: np.ndarray, rules: AnnotationRules
) -> pa.Table:
    rows, tasks = (table.take(pa.array(numbers)) for table in (run.table, asked))
    everywhere = np.arange(len(numbers))
    contested = everywhere[reasons == DISAGREES]
    markers = [
        column("verdict", everywhere, pa.repeat("corrected", len(numbers))),
        column("annotation_disagreement", contested, pa.repeat(True, len(contested))),
    ]
    keys = question_keys(tasks)
    columns = {
        "evidence_id": identifiers("annotation-", rows.column("annotation_id")),
        "stream": pa.repeat("annotations", len(numbers)),
        "source_file": pa.repeat(run.answers.name, len(numbers)),
        "source_offset": numbers,
        "row_hash": dataset_row_hashes(Annotation, rows),
        "recorded_at": rows.column("submitted_at"),
        "run_id": pa.repeat(run.answers.run_id, len(numbers)),
        "task_id": keys,
        "subject": rows.column("trace_id"),
        "producer": rows.column("annotator"),
        "role": pa.repeat("annotator", len(numbers)),
        "tenant_id": tasks.column("tenant_id"),
        "user_id": tasks.column("user_id"),
        "prompt": tasks.column("question"),
        "history": tasks.column("history"),
        "contexts": passages(tasks.column("contexts")),
        "text": rows.column("expected_answer"),
        "markers": marker_lists(markers, len(numbers)),
        "split": rules.splits.of(keys),
    }
    return as_evidence(columns, len(numbers))
