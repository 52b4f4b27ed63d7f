"""Replayed tasks as evidence: what was answered with the help of what had been distilled before."""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.dataset_rows import dataset_row_hashes
from millrace.distillation.evidence import EvidenceBatch, EvidenceJobs, as_evidence
from millrace.distillation.golden_stream import QuestionSplits
from millrace.distillation.marker_lists import column, marker_lists
from millrace.distillation.part_groups import OpenSource, SourcePart, grouped, parts_of
from millrace.distillation.stream_columns import (
    NO_SKIPS,
    identifiers,
    is_blank,
    passages,
    put_together,
    question_keys,
    whole,
)
from millrace.distillation.streams import Scope
from millrace.records.replay import Replay

_MARKERS = ("passed", "tier", "groundedness", "escalated", "retrieval")


def replay_jobs(sources: Sequence[OpenSource], scope: Scope, splits: QuestionSplits) -> EvidenceJobs:
    """Batches of the replays within the scope, in order: each with an answer is one record.

    Its passages are the accepted ones of its bundle: a warning shows what not to say, and is no passage to answer from.
    """
    return (partial(_group, parts, scope, splits) for parts in grouped(parts_of(sources)))


def count_replays(sources: Iterable[OpenSource], scope: Scope) -> int:
    """How many replays there are within the scope."""
    parts = (part for each in sources for part in each.dataset.columns(["tenant_id", "time"]))
    return sum(int(pc.sum(scope.within(part)).as_py() or 0) for part in parts)


def _group(parts: Sequence[SourcePart], scope: Scope, splits: QuestionSplits) -> EvidenceBatch:
    return put_together([EvidenceBatch(_part(part, scope, splits), NO_SKIPS) for part in parts])


def _part(part: SourcePart, scope: Scope, splits: QuestionSplits) -> pa.Table:
    every = part.source.dataset.read_part(part.index)
    taken = pc.and_(scope.within(every), pc.invert(is_blank(every.column("answer"))))
    rows = every.filter(taken)
    everywhere = np.arange(rows.num_rows)
    bundle = whole(rows.column("bundle"))
    accepted = pc.equal(pc.struct_field(bundle.flatten(), "purpose"), "accepted")
    markers = [column(name, everywhere, rows.column(name)) for name in _MARKERS]
    columns = {
        "evidence_id": identifiers("replay-", rows.column("replay_id")),
        "stream": pa.repeat("replays", rows.num_rows),
        "source_file": pa.repeat(part.source.name, rows.num_rows),
        "source_offset": np.flatnonzero(taken.to_numpy(zero_copy_only=False)) + part.first_row,
        "row_hash": dataset_row_hashes(Replay, rows),
        "recorded_at": rows.column("time"),
        "run_id": pa.repeat(part.source.run_id, rows.num_rows),
        "task_id": rows.column("task_id"),
        "producer": rows.column("answered_by"),
        "role": pa.repeat("answerer", rows.num_rows),
        "tenant_id": rows.column("tenant_id"),
        "user_id": rows.column("user_id"),
        "prompt": rows.column("question"),
        "contexts": passages(bundle, np.asarray(accepted.to_numpy(zero_copy_only=False), dtype=np.bool_)),
        "text": rows.column("answer"),
        "markers": marker_lists(markers, rows.num_rows),
        "split": _splits(rows, splits),
    }
    return as_evidence(columns, rows.num_rows)


def _splits(rows: pa.Table, splits: QuestionSplits) -> pa.Array:
    """By the task, which a replayed trace's question is the key of, or else by the question alone."""
    by_task = splits.of(whole(rows.column("task_id")))
    by_question = splits.of(question_keys(rows.select(["tenant_id", "question"])))
    either = pc.coalesce(by_task, by_question)
    return pc.if_else(
        pc.or_kleene(pc.equal(by_task, "eval"), pc.equal(by_question, "eval")).fill_null(False), "eval", either
    )
