"""Groups failures of one type with similar questions (A29; the greedy cosine floor)."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import arrow_schema, table_of
from millrace.methods.text import content_words, normalise_question, words
from millrace.ports import Embedder, Vectors
from millrace.records.base import Record
from millrace.records.triage import FailureGroup, TriageRow

_N_EXAMPLES = 3


class GroupingConfig(Record):
    """How failures are grouped."""

    min_cosine: float = Field(0.7, gt=0, le=1, description="A question at least this near to a group's seed joins it")
    n_label_words: int = Field(5, ge=1, le=20, description="Words in a group's label, at most")


@dataclass(frozen=True)
class Grouping:
    """``rows``: the triage table with ``group_id`` filled in for failures; ``groups``: FailureGroup, largest first."""

    rows: pa.Table
    groups: pa.Table


def group_failures(triage: pa.Table, traces: pa.Table, embedder: Embedder, config: GroupingConfig) -> Grouping:
    """Put each failure into one group of its type; the result does not depend on the order of rows.

    Questions are taken in alphabetical order of their normal form; each joins the nearest seed of its type with a
    cosine of at least ``min_cosine``, or becomes a seed. Equal normal forms are always together.

    Args:
        triage: table of TriageRow.
        traces: table of Trace that holds every failing trace.

    Returns:
        No failures give an empty table of groups. A question without words is similar only to its like.
    """
    questions = dict(zip(traces.column("trace_id").to_pylist(), traces.column("question").to_pylist(), strict=True))
    failures = triage.filter(pc.equal(triage.column("verdict"), "failure")).to_pylist()
    for row in failures:
        row["normal"] = normalise_question(questions[row["trace_id"]])
    vectors = _vectors(sorted({row["normal"] for row in failures}), embedder)
    group_of: dict[tuple[str, str], str] = {}
    for failure_type in sorted({row["failure_type"] for row in failures}):
        normals = sorted({row["normal"] for row in failures if row["failure_type"] == failure_type})
        seeds = _seeds([vectors[normal] for normal in normals], config.min_cosine)
        for normal, seed in zip(normals, seeds, strict=True):
            group_of[failure_type, normal] = _group_id(failure_type, normals[seed])
    members: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in failures:
        members[group_of[row["failure_type"], row["normal"]]].append(row)
    return Grouping(_with_groups(triage, members), _groups(members, config))


def _vectors(normals: Sequence[str], embedder: Embedder) -> Mapping[str, Vectors]:
    return dict(zip(normals, embedder.embed(normals), strict=True)) if normals else {}


def _seeds(vectors: Sequence[Vectors], min_cosine: float) -> list[int]:
    """For each vector the position of its group's seed, which comes at or before it."""
    stacked = np.asarray(vectors, dtype=np.float64)
    seeds: list[int] = []
    found: list[int] = []
    for position, vector in enumerate(stacked):
        # einsum, not BLAS: its sums don't depend on how many seeds there are or how many threads run
        cosines: npt.NDArray[np.float64] = np.einsum("ij,j->i", stacked[seeds], vector)
        nearest = int(cosines.argmax()) if seeds else -1
        if nearest < 0 or cosines[nearest] < min_cosine:
            seeds.append(position)
        found.append(position if nearest < 0 or cosines[nearest] < min_cosine else seeds[nearest])
    return found


def _group_id(failure_type: str, seed: str) -> str:
    return f"group-{sha256_json([failure_type, seed])[:16]}"


def _with_groups(triage: pa.Table, members: Mapping[str, list[dict[str, Any]]]) -> pa.Table:
    group_of = {row["trace_id"]: group_id for group_id, rows in members.items() for row in rows}
    column = pa.array([group_of.get(trace_id) for trace_id in triage.column("trace_id").to_pylist()], pa.string())
    schema = arrow_schema(TriageRow)
    return triage.set_column(schema.get_field_index("group_id"), schema.field("group_id"), column)


def _groups(members: Mapping[str, list[dict[str, Any]]], config: GroupingConfig) -> pa.Table:
    overall = _word_counts([row for rows in members.values() for row in rows])
    groups = [_group(group_id, rows, overall, config) for group_id, rows in members.items()]
    groups.sort(key=lambda group: (-group.size, group.group_id))
    return table_of(FailureGroup, groups)


def _group(group_id: str, rows: list[dict[str, Any]], overall: Counter[str], config: GroupingConfig) -> FailureGroup:
    ordered = sorted(rows, key=lambda row: (row["normal"], row["trace_id"]))
    seen: Counter[str] = Counter()
    turns = []
    for row in ordered:
        turns.append((seen[row["normal"]], row["trace_id"]))
        seen[row["normal"]] += 1
    # every different question is shown before any is shown again
    examples = [trace_id for _, trace_id in sorted(turns, key=lambda turn: turn[0])]
    inside = _word_counts(rows)
    label = sorted(inside, key=lambda word: (-inside[word], overall[word], word))
    return FailureGroup(
        group_id=group_id,
        failure_type=rows[0]["failure_type"],
        size=len(rows),
        label=_as_written(label[: config.n_label_words], rows),
        example_trace_ids=examples[:_N_EXAMPLES],
        tenants=sorted({row["tenant_id"] for row in rows}),
    )


def _as_written(stems: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """The words in the form that the group's questions have most often: "series" for the stem "sery"."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for word in (word for row in rows for word in words(row["normal"])):
        for stem in content_words(word):
            forms[stem][word] += 1
    return " ".join(min(forms[stem], key=lambda word: (-forms[stem][word], word)) for stem in stems)


def _word_counts(rows: Sequence[dict[str, Any]]) -> Counter[str]:
    """In how many questions each word stands."""
    return Counter(word for row in rows for word in set(content_words(row["normal"])))
