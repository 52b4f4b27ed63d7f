"""The answers that users would have wanted, as evidence beside the traces they were about."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.dataset_rows import dataset_row_hashes
from millrace.distillation.evidence import EvidenceBatch, EvidenceJobs, as_evidence
from millrace.distillation.golden_stream import QuestionSplits
from millrace.distillation.marker_lists import column, marker_lists
from millrace.distillation.part_groups import OpenSource, SourcePart, grouped, parts_of
from millrace.distillation.stream_columns import (
    NO_EVIDENCE,
    NO_SKIPS,
    is_blank,
    passages,
    put_together,
    question_keys,
)
from millrace.distillation.streams import Scope
from millrace.distillation.trace_index import TraceIndex, TracePart
from millrace.records.feedback import Feedback
from millrace.records.trace import SkipRow

NO_TRACE = "no_trace"
SUPERSEDED = "superseded"
_MESSAGES = {
    NO_TRACE: "no trace with this id and tenant is among the evidence",
    SUPERSEDED: "the user corrected the same answer again later",
}
_TAKEN = ["trace_id", "tenant_id", "user_id", "time", "correction"]


class Corrections:
    """The corrections within a scope, by the trace that they are about: each user's last one on it.

    They are held whole, because people wrote them.

    Attributes:
        n_rows: all that were found.
        rows: those that are records, in the order of their traces; ``place`` is the trace's.
        skips: table of SkipRow for the others.
    """

    def __init__(self, sources: Sequence[OpenSource], scope: Scope, index: TraceIndex) -> None:
        found = pa.concat_tables([*(_corrections(part, scope) for part in parts_of(sources)), _NOTHING])
        places = index.places(found.column("trace_id"), found.column("tenant_id"))
        order = np.arange(found.num_rows)
        placed = found.append_column("place", pa.array(places)).append_column("order", pa.array(order))
        ordered = placed.sort_by([(name, "ascending") for name in ("place", "user_id", "time", "order")])
        known = ordered.filter(pc.greater_equal(ordered.column("place"), 0))
        is_last = _is_last(known)
        self.n_rows = found.num_rows
        self.rows = known.filter(pa.array(is_last))
        unknown = ordered.filter(pc.less(ordered.column("place"), 0))
        self.skips = pa.concat_tables([_skips(unknown, NO_TRACE), _skips(known.filter(pa.array(~is_last)), SUPERSEDED)])


def feedback_jobs(corrections: Corrections, index: TraceIndex, splits: QuestionSplits) -> EvidenceJobs:
    """The skips first, then batches of corrections in the order of their traces, with their prompts and passages."""
    return _jobs(corrections, index, splits)


def _jobs(corrections: Corrections, index: TraceIndex, splits: QuestionSplits) -> Iterator[partial[EvidenceBatch]]:
    if corrections.skips.num_rows:
        yield partial(EvidenceBatch, NO_EVIDENCE, corrections.skips)
    places = corrections.rows.column("place").to_numpy()
    wanted = index.parts_with(places)
    own = {(id(each.part.source), each.part.index): each for each in wanted}
    for group in grouped(each.part for each in wanted):
        yield partial(_group, corrections, index, [own[id(part.source), part.index] for part in group], splits)


def _group(
    corrections: Corrections, index: TraceIndex, parts: Sequence[TracePart], splits: QuestionSplits
) -> EvidenceBatch:
    return put_together([EvidenceBatch(_part(corrections, index, part, splits), NO_SKIPS) for part in parts])


def _part(corrections: Corrections, index: TraceIndex, part: TracePart, splits: QuestionSplits) -> pa.Table:
    places = corrections.rows.column("place").to_numpy()
    start, stop = np.searchsorted(places, [part.first_place, part.first_place + part.n_places])
    rows = corrections.rows.slice(int(start), int(stop - start))
    asked = index.read(part)[0].take(pa.array(places[start:stop] - part.first_place))
    keys = question_keys(asked)
    n_rows = rows.num_rows
    columns = {
        "stream": pa.repeat("feedback", n_rows),
        "source_file": rows.column("source_file"),
        "source_offset": rows.column("source_offset"),
        "row_hash": rows.column("row_hash"),
        "recorded_at": rows.column("time"),
        "run_id": rows.column("run_id"),
        "task_id": keys,
        "subject": asked.column("trace_id"),
        "producer": pa.repeat("user", n_rows),  # their ids stay in the column that erasure looks through
        "role": pa.repeat("user", n_rows),
        "tenant_id": asked.column("tenant_id"),
        "user_id": pc.coalesce(rows.column("user_id"), asked.column("user_id")),
        "prompt": asked.column("question"),
        "history": asked.column("history"),
        "contexts": passages(asked.column("contexts")),
        "text": rows.column("correction"),
        "markers": marker_lists([column("user_correction", np.arange(n_rows), pa.repeat(True, n_rows))], n_rows),
        "split": splits.of(keys),
    }
    return as_evidence(columns, n_rows)


def _corrections(part: SourcePart, scope: Scope) -> pa.Table:
    """The rows of a part with a correction, and where they were found."""
    every = part.source.dataset.read_part(part.index)
    inside = scope.model_copy(update={"start": None, "end": None}).within(every)
    taken = pc.and_(inside, pc.invert(is_blank(every.column("correction"))))
    rows = every.filter(taken)
    numbers = np.flatnonzero(taken.to_numpy(zero_copy_only=False)) + part.first_row
    found = rows.select(_TAKEN)
    for name, values in (
        ("source_file", pa.repeat(part.source.name, rows.num_rows)),
        ("run_id", pa.repeat(part.source.run_id, rows.num_rows)),
        ("source_offset", pa.array(numbers, pa.int64())),
        ("row_hash", dataset_row_hashes(Feedback, rows)),
    ):
        found = found.append_column(name, values)
    return found.cast(_NOTHING.schema)


def _is_last(rows: pa.Table) -> np.ndarray:
    """One truth value a row, sorted by place and user: whether the next one is of another trace or user."""
    users = rows.column("user_id").fill_null("").to_pylist()
    keys = list(
        zip(rows.column("place").to_pylist(), rows.column("user_id").is_valid().to_pylist(), users, strict=True)
    )
    return np.array([place + 1 == len(keys) or keys[place + 1] != key for place, key in enumerate(keys)], dtype=bool)


def _skips(rows: pa.Table, reason: str) -> pa.Table:
    ordered = rows.sort_by([("order", "ascending")])
    columns = {
        "source": ordered.column("source_file"),
        "line": pc.add(ordered.column("source_offset"), 1),
        "reason": pa.repeat(reason, rows.num_rows),
        "message": pa.repeat(_MESSAGES[reason], rows.num_rows),
        "row_hash": ordered.column("row_hash"),
    }
    schema = arrow_schema(SkipRow)
    return pa.table([columns[name] for name in schema.names], schema=schema)


_NOTHING = pa.schema(
    [
        *(pa.field(name, arrow_schema(Feedback).field(name).type) for name in _TAKEN),
        pa.field("source_file", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("source_offset", pa.int64()),
        pa.field("row_hash", pa.string()),
    ]
).empty_table()
