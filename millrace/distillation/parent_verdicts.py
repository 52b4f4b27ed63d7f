"""Verdicts of parents (D3): an extraction that no rule decides shares the verdict on the record it was made from.

Two passes over the evidence, one part in memory at a time: the first finds the tasks that have extractions, the second
what the rules say of the other records of these tasks. Only these tasks are held.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.marker_columns import Rows
from millrace.distillation.scoring import SCORED_COLUMNS, UNDECIDED, categories_of
from millrace.distillation.scoring_rules import ScoringRules
from millrace.records.evidence import Category, EvidenceScore

Tasks = Mapping[str, int]
"""Place of each task by its key, from 0 on."""

TASK_COLUMNS = ("role", "tenant_id", "task_id")
PARENT_COLUMNS = (*SCORED_COLUMNS, "tenant_id", "task_id")
SEVERITY: tuple[Category, ...] = ("rejected", "needs_human_review", "partially_accepted", "accepted")

_PARENTLESS = "No rule decides this extraction, and its task has no other record whose verdict it could share."
_WORDS = {"rejected": "rejected", "needs_human_review": "waiting for review"}
_WORDS |= {"partially_accepted": "partially accepted", "accepted": "accepted"}


class ParentVerdicts:
    """The most severe verdict on the records of each task that has extractions.

    Args:
        tasks: those tasks, as :func:`extraction_tasks` gives them.
        verdicts: table with ``task`` (place in ``tasks``), ``severity`` (place in ``SEVERITY``) and ``evidence_id``,
            the lowest of the records with that verdict; one row a task that has such records.
    """

    def __init__(self, tasks: Tasks, verdicts: pa.Table) -> None:
        self._tasks = tasks
        self._severity = pa.array(SEVERITY).take(verdicts.column("severity").combine_chunks())
        self._ids = verdicts.column("evidence_id").combine_chunks()
        self._rows = np.full(len(tasks) + 1, -1)  # -1: no other record; the last is for what is no task
        self._rows[verdicts.column("task").to_numpy()] = np.arange(len(self._ids))

    def of(self, keys: pa.Array) -> tuple[pa.Array, pa.Array]:
        """Category and evidence id of these tasks' verdicts, null where there is none."""
        rows = self._rows[_places(keys, self._tasks)]
        known = pa.array(rows, mask=rows < 0)
        return self._severity.take(known), self._ids.take(known)


def extraction_tasks(parts: Iterable[pa.Table], rules: ScoringRules) -> Tasks:
    """The tasks that have extractions, by :func:`task_keys`.

    Args:
        parts: the evidence, or its columns ``TASK_COLUMNS``.
    """
    tasks: dict[str, int] = {}
    for part in parts:
        for key in pc.unique(task_keys(part.filter(_is_extraction(part, rules)))).to_pylist():
            tasks.setdefault(key, len(tasks))
    return tasks


def parent_verdicts(parts: Iterable[pa.Table], tasks: Tasks, rules: ScoringRules) -> ParentVerdicts:
    """What the rules say of the records of these tasks that are no extractions.

    Args:
        parts: the evidence, or its columns ``PARENT_COLUMNS``.
        tasks: from :func:`extraction_tasks`; without any, no part is read.
    """
    empty = pa.schema([("task", pa.int64()), ("severity", pa.int64()), ("evidence_id", pa.string())]).empty_table()
    verdicts = [_most_severe(each) for each in _verdicts(parts, tasks, rules)] if tasks else []
    return ParentVerdicts(tasks, _most_severe(pa.concat_tables([empty, *verdicts])))


def share_verdicts(evidence: pa.Table, scores: pa.Table, parents: ParentVerdicts, rules: ScoringRules) -> pa.Table:
    """The scores, with the parents' verdicts on extractions that no rule decides.

    Args:
        evidence: table of Evidence, or its columns ``TASK_COLUMNS``.
        scores: what ``score_part`` says of these rows.

    Returns:
        Table of EvidenceScore, row i for row i. ``parent_id`` names the record whose verdict was taken over; an
        extraction without one needs a person's review.
    """
    orphans = pc.and_(_is_extraction(evidence, rules), pc.is_null(scores.column("rule_id")))
    rows = np.flatnonzero(orphans.to_numpy())
    if not len(rows):
        return scores
    category, parent = parents.of(task_keys(evidence.select(TASK_COLUMNS).take(pa.array(rows))))
    taken_over = {
        "category": category.fill_null(UNDECIDED),
        "reason": _reasons(category, parent),
        "parent_id": parent,
    }
    schema = arrow_schema(EvidenceScore)
    for name, values in taken_over.items():
        changed = _replaced(scores.column(name).combine_chunks(), rows, values)
        scores = scores.set_column(schema.get_field_index(name), schema.field(name), changed)
    return scores


def task_keys(evidence: pa.Table) -> pa.Array:
    """Tenant and task of each row as one text; equal for equal pairs only."""
    tenant, task = (evidence.column(name).combine_chunks() for name in ("tenant_id", "task_id"))
    length = pc.binary_length(tenant).cast(pa.string())
    return pc.binary_join_element_wise(length, tenant, task, ":")


def _is_extraction(evidence: pa.Table, rules: ScoringRules) -> pa.ChunkedArray:
    return pc.is_in(evidence.column("role"), pa.array(rules.extraction_roles, pa.string()))


def _places(keys: pa.Array, tasks: Tasks) -> Rows:
    """Place of each key among the tasks, -1 where it is none; Arrow would build its table of tasks for every part."""
    return np.fromiter((tasks.get(key, -1) for key in keys.to_pylist()), np.int64, len(keys))


def _verdicts(parts: Iterable[pa.Table], tasks: Tasks, rules: ScoringRules) -> Iterator[pa.Table]:
    """Task, severity and id of the records that can be parents, part by part."""
    for part in parts:
        part = part.filter(pc.invert(_is_extraction(part, rules)))
        places = _places(task_keys(part), tasks)
        part = part.filter(pa.array(places >= 0))
        severity = pc.index_in(categories_of(part, rules), pa.array(SEVERITY)).cast(pa.int64())
        values = [pa.array(places[places >= 0]), severity, part.column("evidence_id")]
        yield pa.table(values, names=["task", "severity", "evidence_id"])


def _most_severe(verdicts: pa.Table) -> pa.Table:
    """One row a task: its lowest severity number, and the lowest id of the records with it."""
    by_id = verdicts.group_by(["task", "severity"]).aggregate([("evidence_id", "min")])
    ordered = by_id.sort_by([("task", "ascending"), ("severity", "ascending")])
    tasks = ordered.column("task").to_numpy()
    first = np.append(True, tasks[1:] != tasks[:-1]) if len(tasks) else np.zeros(0, dtype=np.bool_)
    return ordered.filter(pa.array(first)).rename_columns(["task", "severity", "evidence_id"])


def _reasons(category: pa.Array, parent: pa.Array) -> pa.Array:
    words = pa.array([_WORDS[each] for each in SEVERITY]).take(pc.index_in(category, pa.array(SEVERITY)))
    beginning = "No rule decides this extraction; the record it was made from, "
    return pc.binary_join_element_wise(beginning, parent, ", is ", words, ".", "").fill_null(_PARENTLESS)


def _replaced(column: pa.Array, rows: Rows, values: pa.Array) -> pa.Array:
    mask = np.zeros(len(column), dtype=np.bool_)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), values.cast(column.type))
