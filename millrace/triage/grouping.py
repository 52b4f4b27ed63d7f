"""Groups failures of one type with similar questions, and tells which group of earlier weeks each one is (A29)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import arrow_schema, table_of
from millrace.errors import BadInputError
from millrace.methods.clustering import NOISE, ClusteringConfig, cluster_vectors
from millrace.methods.text import normalise_question
from millrace.ports import Embedder, Vectors
from millrace.records.triage import FailureGroup, FailureType, GroupWeek, TriageRow
from millrace.triage.labels import group_labels
from millrace.triage.trend import Past, history_of, matched_ids, read_past, resolved_groups, trend_of, unclustered_id

UNCLUSTERED = "unclustered"
_N_EXAMPLES = 3
_DECIMALS = 6  # of a centroid


class GroupingConfig(ClusteringConfig):
    """How failures are grouped, named and followed over weeks."""

    n_label_words: int = Field(5, ge=1, le=20, description="Words in a group's label, at most")
    match_cosine: float = Field(
        0.8, gt=0, le=1, description="A group at least this near to one of an earlier week is the same group"
    )
    alpha: float = Field(
        0.05, gt=0, lt=1, description="A group grows or shrinks when chance would do it less often than this"
    )


@dataclass(frozen=True)
class Grouping:
    """``rows``: the triage table with ``group_id`` filled in for failures; ``groups``: table of FailureGroup."""

    rows: pa.Table
    groups: pa.Table


@dataclass(frozen=True)
class _Failure:
    trace_id: str
    tenant_id: str
    failure_type: FailureType
    question: str
    """In normal form."""


@dataclass(frozen=True)
class _Group:
    """A group before it has a name; ``questions`` in normal form, most central first."""

    failure_type: FailureType
    questions: Sequence[str]
    centroid: npt.NDArray[np.float64]
    clustered: bool


def group_failures(
    triage: pa.Table,
    traces: pa.Table,
    embedder: Embedder,
    config: GroupingConfig,
    *,
    week: str | None = None,
    earlier: pa.Table | None = None,
    weeks: pa.Table | None = None,
) -> Grouping:
    """Put each failure into one group of its type; the result does not depend on the order of rows.

    Questions that are equal but for case, punctuation and white space count as one and are always together. The
    different ones are clustered for each type alone (:func:`millrace.methods.clustering.cluster_vectors`); what is near
    to nothing is the type's unclustered group. A cluster that continues one of an earlier week has its id
    (:func:`millrace.triage.trend.matched_ids`); a new one gets its id from its type and most central question.

    Args:
        triage: table of TriageRow: all decisions of the week, ``ok`` ones too, as trends are of shares.
        traces: columns trace_id and question of every failing trace, others are not read.
        embedder: the one of the earlier weeks, or groups are not found again.
        config: see its fields.
        week: this week; None for failures that are of no week, which have no history.
        earlier: table of EarlierGroup, of as many weeks as groups are to be remembered when they come back.
        weeks: table of WeekFacts of those weeks; without any, nothing has a trend.

    Returns:
        Groups: clusters, largest first; then the unclustered; then, with size 0, those of the last earlier week that
        are gone. Trends: :func:`millrace.triage.trend.trend_of`, against the last earlier week in which anything was
        triaged. No failures give no groups but resolved ones; a question without words is like no other.

    Raises:
        BadInputError: a failing trace is not among the traces, or the earlier weeks don't fit together
            (:func:`millrace.triage.trend.read_past`).
    """
    past = read_past(earlier, weeks, week)
    failures = _failures(triage, traces)
    groups = _found(failures, embedder, config)
    ids = _ids(groups, past, config.match_cosine)
    group_of = {
        (group.failure_type, question): group_id
        for group, group_id in zip(groups, ids, strict=True)
        for question in group.questions
    }
    members: dict[str, list[_Failure]] = defaultdict(list)
    for failure in failures:
        members[group_of[failure.failure_type, failure.question]].append(failure)
    described = _described(groups, ids, members, config.n_label_words)
    if week is not None:
        described = _over_weeks(described, past, week, triage.num_rows, config.alpha)
    described.sort(key=lambda row: (row.size == 0, not row.clustered, -row.size, row.group_id))
    return Grouping(_with_groups(triage, members), table_of(FailureGroup, described))


def _failures(triage: pa.Table, traces: pa.Table) -> list[_Failure]:
    """In order of trace ids."""
    wanted = triage.select(["trace_id", "tenant_id", "failure_type", "verdict"])
    failed = wanted.filter(pc.equal(wanted.column("verdict"), "failure")).sort_by("trace_id")
    trace_ids = failed.column("trace_id").combine_chunks()
    places = pc.index_in(trace_ids, traces.column("trace_id").combine_chunks())
    if places.null_count:
        missing = trace_ids.filter(pc.is_null(places)).to_pylist()
        raise BadInputError(f"{len(missing)} failures are of no trace, first {missing[0]!r}", trace_ids=missing)
    columns = [failed.column(name).to_pylist() for name in ("tenant_id", "failure_type")]
    questions = [normalise_question(text) for text in traces.column("question").take(places).to_pylist()]
    return [_Failure(*row) for row in zip(trace_ids.to_pylist(), *columns, questions, strict=True)]


def _found(failures: Sequence[_Failure], embedder: Embedder, config: GroupingConfig) -> list[_Group]:
    counts: dict[FailureType, Counter[str]] = defaultdict(Counter)
    for failure in failures:
        counts[failure.failure_type][failure.question] += 1
    groups: list[_Group] = []
    for failure_type in sorted(counts):
        questions = sorted(counts[failure_type])  # one type at a time, so that only its vectors are held
        groups += _groups_of_type(failure_type, questions, embedder.embed(questions), counts[failure_type], config)
    return groups


def _groups_of_type(
    failure_type: FailureType, questions: Sequence[str], vectors: Vectors, counts: Counter[str], config: GroupingConfig
) -> list[_Group]:
    labels, centroids = cluster_vectors(vectors, [counts[question] for question in questions], config)
    groups = []
    for label, centroid in enumerate(centroids):
        rows = np.flatnonzero(labels == label)
        nearness = np.round(np.einsum("ij,j->i", vectors[rows].astype(np.float64), centroid), _DECIMALS)
        inside = [questions[int(row)] for row in rows[np.argsort(-nearness, kind="stable")]]
        groups.append(_Group(failure_type, inside, np.round(centroid, _DECIMALS), clustered=True))
    rest = [questions[int(row)] for row in np.flatnonzero(labels == NOISE)]
    if rest:
        often_first = sorted(rest, key=lambda question: (-counts[question], question))
        groups.append(_Group(failure_type, often_first, np.zeros(0), clustered=False))
    return groups


def _ids(groups: Sequence[_Group], past: Past, min_cosine: float) -> list[str]:
    ids = {place: unclustered_id(group.failure_type) for place, group in enumerate(groups) if not group.clustered}
    for failure_type in sorted({group.failure_type for group in groups}):
        places = [place for place, group in enumerate(groups) if group.clustered and group.failure_type == failure_type]
        if places:
            centroids = np.stack([groups[place].centroid for place in places])
            found = matched_ids(failure_type, centroids, past, min_cosine)
            ids |= {
                place: _new_id(groups[place], past.latest) if known is None else known
                for place, known in zip(places, found, strict=True)
            }
    return [ids[place] for place in range(len(groups))]


def _new_id(group: _Group, taken: Collection[str]) -> str:
    """From the type and the most central question, which is all there is to know a question without words by."""
    for attempt in range(len(taken) + 1):
        group_id = (
            f"group-{sha256_json([group.failure_type, group.questions[0], *([attempt] if attempt else [])])[:16]}"
        )
        if group_id not in taken or not group.centroid.any():
            break
    return group_id


def _described(
    groups: Sequence[_Group], ids: Sequence[str], members: Mapping[str, Sequence[_Failure]], n_words: int
) -> list[FailureGroup]:
    counts = [Counter(failure.question for failure in members[group_id]) for group_id in ids]
    labels = group_labels(counts, n_words)
    return [
        FailureGroup(
            group_id=group_id,
            failure_type=group.failure_type,
            size=len(members[group_id]),
            label=label if group.clustered else UNCLUSTERED,
            example_trace_ids=_examples(group.questions, members[group_id]),
            tenants=sorted({failure.tenant_id for failure in members[group_id]}),
            n_questions=len(group.questions),
            clustered=group.clustered,
            centroid=group.centroid.tolist() if group.centroid.any() else [],
        )
        for group, group_id, label in zip(groups, ids, labels, strict=True)
    ]


def _examples(questions: Sequence[str], failures: Sequence[_Failure]) -> list[str]:
    """Every different question is shown before any is shown again."""
    rank = {question: place for place, question in enumerate(questions)}
    seen: Counter[str] = Counter()
    turns = []
    for failure in failures:
        turns.append((seen[failure.question], rank[failure.question], failure.trace_id))
        seen[failure.question] += 1
    return [trace_id for _, _, trace_id in sorted(turns)[:_N_EXAMPLES]]


def _over_weeks(
    groups: Sequence[FailureGroup], past: Past, week: str, n_triaged: int, alpha: float
) -> list[FailureGroup]:
    """The groups with history and trend, and those that are gone."""
    compared = []
    last = past.last_week
    for group in groups:
        this = GroupWeek(week=week, size=group.size, n_triaged=n_triaged)
        before = past.size_before(group.group_id)
        trend = None if last is None else trend_of(group.size, n_triaged, before, past.weeks[last], alpha)
        compared.append(group.model_copy(update={"trend": trend, "history": history_of(group.group_id, past, this)}))
    present = {group.group_id for group in groups}
    return [*compared, *resolved_groups(present, past, GroupWeek(week=week, size=0, n_triaged=n_triaged))]


def _with_groups(triage: pa.Table, members: Mapping[str, Sequence[_Failure]]) -> pa.Table:
    group_of = {failure.trace_id: group_id for group_id, failures in members.items() for failure in failures}
    column = pa.array([group_of.get(trace_id) for trace_id in triage.column("trace_id").to_pylist()], pa.string())
    schema = arrow_schema(TriageRow)
    return triage.set_column(schema.get_field_index("group_id"), schema.field("group_id"), column)
