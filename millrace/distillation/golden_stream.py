"""Golden rows as evidence, and the side of eval and train that they give to the records of every stream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.dataset_rows import dataset_row_hashes
from millrace.distillation.evidence import EvidenceBatch, EvidenceJobs, as_evidence
from millrace.distillation.marker_lists import column, marker_lists
from millrace.distillation.part_groups import OpenSource
from millrace.distillation.stream_columns import NO_SKIPS, identifiers, is_blank, passages, question_keys, whole
from millrace.distillation.streams import GoldenSource, Scope
from millrace.distillation.trace_index import TraceIndex
from millrace.records.golden import GoldenRow


@dataclass(frozen=True)
class GoldenDataset:
    """The active version of a golden dataset, opened; its rows are read as one table, for people wrote them."""

    about: GoldenSource
    source: OpenSource

    def rows(self) -> pa.Table:
        """Table of GoldenRow."""
        return self.source.dataset.to_arrow()


@dataclass(frozen=True)
class People:
    """Who stands behind golden rows.

    Attributes:
        asked: users by trace id, of traces that may lie outside the index.
        wrote: annotators by annotation id.
    """

    asked: Mapping[str, str]
    wrote: Mapping[str, str]


class QuestionSplits:
    """Which side of eval and train a question is on; eval where two golden datasets put it on both."""

    def __init__(self, golden: Sequence[GoldenDataset]) -> None:
        splits: dict[str, str] = {}
        for each in golden:
            rows = each.rows()
            for key, split in zip(question_keys(rows).to_pylist(), rows.column("split").to_pylist(), strict=True):
                splits[key] = min(split, splits.get(key, split))  # "eval" < "train"
        self._keys = pa.array(list(splits), pa.string())
        self._sides = pa.array(list(splits.values()), pa.string())

    def of(self, keys: pa.Array) -> pa.Array:
        """The side of each key's question; null where no golden dataset has it."""
        return self._sides.take(pc.index_in(keys, self._keys))


def golden_jobs(
    golden: Sequence[GoldenDataset],
    scope: Scope,
    splits: QuestionSplits,
    index: TraceIndex,
    people: People,
) -> EvidenceJobs:
    """A job a golden dataset: its rows with an expected answer, whatever the window, for they are of no time.

    Recorded when the version that brought the row became active. The user is who asked the trace it comes from; the
    producer is who gave the annotation, and nobody where this home does not have it.
    """
    return (partial(_golden, each, scope, splits, index, people) for each in golden)


def count_golden(golden: Sequence[GoldenDataset], scope: Scope) -> int:
    """How many golden rows there are for these tenants."""
    return sum(int(pc.sum(scope.within(each.rows())).as_py() or 0) for each in golden)


def _golden(
    golden: GoldenDataset, scope: Scope, splits: QuestionSplits, index: TraceIndex, people: People
) -> EvidenceBatch:
    every = golden.rows()
    taken = pc.and_(scope.within(every), pc.invert(is_blank(every.column("expected_answer"))))
    rows, numbers = every.filter(taken), np.flatnonzero(taken.to_numpy(zero_copy_only=False))
    keys = question_keys(rows)
    behaviour = column("golden", np.arange(rows.num_rows), rows.column("expected_behaviour"))
    columns = {
        "evidence_id": identifiers(f"golden-{golden.about.name}-", rows.column("golden_id")),
        "stream": pa.repeat("golden", rows.num_rows),
        "source_file": pa.repeat(golden.source.name, rows.num_rows),
        "source_offset": numbers,
        "row_hash": dataset_row_hashes(GoldenRow, rows),
        "recorded_at": _published(golden.about, rows.column("added_in")),
        "run_id": pa.repeat(golden.source.run_id, rows.num_rows),
        "task_id": keys,
        "subject": rows.column("source_trace_id"),
        "producer": pa.array(
            [people.wrote.get(each) for each in rows.column("annotation_id").to_pylist()], pa.string()
        ),
        "role": pa.repeat("golden", rows.num_rows),
        "tenant_id": rows.column("tenant_id"),
        "user_id": _users(rows, index, people.asked),
        "prompt": rows.column("question"),
        "history": rows.column("history"),
        "contexts": passages(rows.column("contexts")),
        "text": rows.column("expected_answer"),
        "markers": marker_lists([behaviour], rows.num_rows),
        "split": splits.of(keys),
    }
    return EvidenceBatch(as_evidence(columns, rows.num_rows), NO_SKIPS)


def _published(about: GoldenSource, versions: pa.ChunkedArray) -> list[datetime]:
    """When each row's version became active; the active version's time for one that this home never had."""
    times = {each.version: each.published_at for each in about.versions}
    return [times.get(version, about.published_at) for version in versions.to_pylist()]


def _users(rows: pa.Table, index: TraceIndex, asked_by: Mapping[str, str]) -> pa.Array:
    places = index.places(rows.column("source_trace_id"), rows.column("tenant_id"))
    return pc.coalesce(_known(asked_by, rows.column("source_trace_id")), index.users(places))


def _known(people: Mapping[str, str], ids: pa.ChunkedArray) -> pa.Array:
    """The person behind each id; null where nobody is known."""
    return pa.array([people.get(each) for each in ids.to_pylist()], pa.string())


def eval_side(golden: Sequence[GoldenDataset]) -> Iterator[tuple[GoldenSource, pa.Table]]:
    """The rows of each golden dataset that the application is evaluated on."""
    for each in golden:
        rows = each.rows()
        yield each.about, rows.filter(pc.equal(whole(rows.column("split")), "eval"))
