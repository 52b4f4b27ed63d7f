"""Traces as evidence: what was answered to which question, from which passages, with what others said of it."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.dataset_rows import dataset_row_hashes
from millrace.distillation.evidence import EvidenceBatch, EvidenceJobs, as_evidence
from millrace.distillation.golden_stream import QuestionSplits
from millrace.distillation.marker_lists import MarkerColumn, column, marker_lists, one_column_each
from millrace.distillation.part_groups import SourcePart, grouped
from millrace.distillation.stream_columns import (
    identifiers,
    is_blank,
    passages,
    producers,
    put_together,
    question_keys,
    skips,
    whole,
)
from millrace.distillation.trace_index import Places, TraceIndex, TracePart
from millrace.records.trace import Trace

REPEATED = "repeated_trace"


def trace_jobs(index: TraceIndex, markers: Sequence[MarkerColumn], splits: QuestionSplits) -> EvidenceJobs:
    """Batches of the index's traces in order: each trace with an answer is one record.

    A trace without an answer, or with a blank one, gives nothing; one whose id an earlier row has is a skip. Records of
    one question have one task, whoever answered.

    Args:
        markers: what others said, by place in the index; the trace's own status and scores come before it.
    """
    own = {(id(each.part.source), each.part.index): each for each in index.parts}
    for group in grouped(each.part for each in index.parts):
        yield partial(_group, index, [own[id(part.source), part.index] for part in group], markers, splits)


def _group(
    index: TraceIndex, parts: Sequence[TracePart], markers: Sequence[MarkerColumn], splits: QuestionSplits
) -> EvidenceBatch:
    return put_together([_part(index, part, markers, splits) for part in parts])


def _part(index: TraceIndex, part: TracePart, markers: Sequence[MarkerColumn], splits: QuestionSplits) -> EvidenceBatch:
    rows, numbers = index.read(part)
    places = np.arange(part.first_place, part.first_place + rows.num_rows)
    first = index.is_first[places]
    answered = first & ~np.asarray(is_blank(rows.column("answer")))
    again = rows.filter(pa.array(~first))
    repeated = skips(
        part.part.source.name,
        numbers[~first],
        REPEATED,
        "an earlier row has this trace id",
        dataset_row_hashes(Trace, again),
    )
    evidence = _evidence(
        rows.filter(pa.array(answered)), numbers[answered], places[answered], part.part, markers, splits
    )
    return EvidenceBatch(evidence, repeated)


def _evidence(
    rows: pa.Table,
    numbers: Places,
    places: Places,
    part: SourcePart,
    markers: Sequence[MarkerColumn],
    splits: QuestionSplits,
) -> pa.Table:
    keys = question_keys(rows)
    said = [*_own_markers(rows), *(each.at(places) for each in markers)]
    columns = {
        "evidence_id": identifiers("trace-", rows.column("trace_id")),
        "stream": pa.repeat("traces", rows.num_rows),
        "source_file": pa.repeat(part.source.name, rows.num_rows),
        "source_offset": numbers,
        "row_hash": dataset_row_hashes(Trace, rows),
        "recorded_at": rows.column("time"),
        "run_id": pa.repeat(part.source.run_id, rows.num_rows),
        "task_id": keys,
        "subject": rows.column("trace_id"),
        "producer": producers(rows.column("answered_by")),
        "role": pa.repeat("answerer", rows.num_rows),
        "tenant_id": rows.column("tenant_id"),
        "user_id": rows.column("user_id"),
        "prompt": rows.column("question"),
        "history": rows.column("history"),
        "contexts": passages(rows.column("contexts")),
        "text": rows.column("answer"),
        "markers": marker_lists(said, rows.num_rows),
        "split": splits.of(keys),
    }
    return as_evidence(columns, rows.num_rows)


def _own_markers(rows: pa.Table) -> list[MarkerColumn]:
    """``status``, and ``score.<name>`` of what the application itself scored."""
    scores = whole(rows.column("scores"))
    flat = scores.flatten()
    owners = np.asarray(pc.list_parent_indices(scores), dtype=np.int64)
    names, values = pc.struct_field(flat, "name"), pc.struct_field(flat, "value")
    status = column("status", np.arange(rows.num_rows), rows.column("status"))
    return [status, *one_column_each("score.", owners, names, values)]
