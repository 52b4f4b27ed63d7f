"""Millrace's own streams, opened: what each has to give, and all that is said of traces joined to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from millrace.datasets.dataset import Dataset
from millrace.distillation import trace_markers
from millrace.distillation.annotation_stream import (
    AnnotatedRun,
    AnnotationRules,
    annotation_jobs,
    annotators,
    count_annotations,
    said_of_traces,
    users_who_asked,
)
from millrace.distillation.evidence import EvidenceJobs
from millrace.distillation.feedback_stream import Corrections, feedback_jobs
from millrace.distillation.golden_stream import GoldenDataset, People, QuestionSplits, count_golden, golden_jobs
from millrace.distillation.marker_lists import MarkerColumn
from millrace.distillation.part_groups import OpenSource
from millrace.distillation.replay_stream import count_replays, replay_jobs
from millrace.distillation.streams import Scope, StreamName
from millrace.distillation.trace_index import TraceIndex
from millrace.distillation.trace_stream import trace_jobs


@dataclass(frozen=True)
class OpenStreams:
    """The datasets of ``MillraceStreams``, opened.

    Attributes:
        refused: by annotation id, why it settles nothing, as ``golden.usable`` says.
    """

    names: Sequence[StreamName]
    scope: Scope
    traces: Sequence[OpenSource]
    groundedness: Sequence[Dataset]
    triage: Sequence[Dataset]
    metric_scores: Sequence[Dataset]
    human_ratings: Sequence[Dataset]
    feedback: Sequence[OpenSource]
    annotated: Sequence[AnnotatedRun]
    refused: Mapping[str, str]
    golden: Sequence[GoldenDataset]
    replays: Sequence[OpenSource]


@dataclass(frozen=True)
class EvidenceStream:
    """One stream: how many rows are looked at, and a function that gives its jobs, as often as it is called."""

    name: StreamName
    n_rows: int
    jobs: Callable[[], EvidenceJobs]


def evidence_streams(opened: OpenStreams) -> list[EvidenceStream]:
    """The streams in the order of their names' list; only what they need is read."""
    index = TraceIndex(opened.traces, opened.scope)
    splits = QuestionSplits(opened.golden)
    made = {
        "traces": _traces,
        "annotations": _annotations,
        "golden": _golden,
        "feedback": _feedback,
        "replays": _replays,
    }
    return [made[name](opened, index, splits) for name in opened.names]


def markers_of_traces(opened: OpenStreams, index: TraceIndex) -> list[MarkerColumn]:
    """Every marker that others' words give to traces, in a fixed order."""
    return [
        *trace_markers.groundedness_markers(index, opened.groundedness),
        *trace_markers.triage_markers(index, opened.triage),
        *trace_markers.metric_markers(index, opened.metric_scores),
        *trace_markers.rating_markers(index, opened.human_ratings),
        *trace_markers.feedback_markers(index, [each.dataset for each in opened.feedback]),
        *trace_markers.said_markers(index, said_of_traces(opened.annotated, opened.refused)),
    ]


def _traces(opened: OpenStreams, index: TraceIndex, splits: QuestionSplits) -> EvidenceStream:
    markers = markers_of_traces(opened, index)
    return EvidenceStream("traces", len(index), lambda: trace_jobs(index, markers, splits))


def _annotations(opened: OpenStreams, index: TraceIndex, splits: QuestionSplits) -> EvidenceStream:
    rules = AnnotationRules(opened.refused, opened.scope, splits)
    n_rows = count_annotations(opened.annotated, index, opened.scope)
    return EvidenceStream("annotations", n_rows, lambda: annotation_jobs(opened.annotated, index, rules))


def _golden(opened: OpenStreams, index: TraceIndex, splits: QuestionSplits) -> EvidenceStream:
    people = People(asked=users_who_asked(opened.annotated), wrote=annotators(opened.annotated))
    n_rows = count_golden(opened.golden, opened.scope)
    return EvidenceStream("golden", n_rows, lambda: golden_jobs(opened.golden, opened.scope, splits, index, people))


def _feedback(opened: OpenStreams, index: TraceIndex, splits: QuestionSplits) -> EvidenceStream:
    corrections = Corrections(opened.feedback, opened.scope, index)
    return EvidenceStream("feedback", corrections.n_rows, lambda: feedback_jobs(corrections, index, splits))


def _replays(opened: OpenStreams, index: TraceIndex, splits: QuestionSplits) -> EvidenceStream:
    n_rows = count_replays(opened.replays, opened.scope)
    return EvidenceStream("replays", n_rows, lambda: replay_jobs(opened.replays, opened.scope, splits))
