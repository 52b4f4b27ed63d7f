"""Rows behind numbers that are no traces: tasks, golden rows, rejected answers, skipped input, tenants."""

import shlex
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.golden.diff import GoldenDiff
from millrace.golden.usable import Rejection
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.report import Count, RowList
from millrace.reports.groups import RankedGroups
from millrace.reports.lists import MAX_GROUP_ROWS, MAX_ROWS, Value, rows_command
from millrace.reports.measures import failed_rows
from millrace.reports.outcomes import GoldenState
from millrace.reports.wording import excerpt, spoken
from millrace.statistics.counts import value_counts

_MAX_CHARS = 160
_MAX_TENANTS = 50
_TASKS = "propose-annotations/annotation_tasks"  # a later step of the run puts out those of all runs
_ASKED = ["Question", "Why it is asked", "Triage says", "Minutes", "Task"]
_GOLDEN = ["Question", "Expected", "Category", "Split", "Since", "Row"]
_GOLDEN_COLUMNS = ["golden_id", "question", "category", "expected_behaviour", "expected_answer", "split", "added_in"]


def tenant_list(tenants: Sequence[Count], triage: pa.Table, run_id: str) -> list[RowList]:
    """Traces and failures by tenant, most traces first."""
    failures = value_counts(failed_rows(triage).column("tenant_id")) if "tenant_id" in triage.column_names else {}
    rows: list[list[Value]] = [[_cut(count.name), count.n, failures.get(count.name, 0)] for count in tenants]
    columns = ["Tenant", "Traces", "Failures"]
    return _listed("tenants", "Traces by tenant", columns, rows, _MAX_TENANTS, rows_command(run_id, "selected_traces"))


def cluster_list(ranked: RankedGroups, run_id: str) -> list[RowList]:
    """All clusters in the order in which to fix them; those that are gone come last."""
    rows: list[list[Value]] = [
        [
            _cut(row["label"]),
            spoken(row["failure_type"]),
            row["trend"],
            row["n_questions"],
            row["size"],
            row["group_id"],
        ]
        for row in ranked.clusters
    ]
    columns = ["Typical words", "Failure type", "Trend", "Questions", "Traces", "Group"]
    command = rows_command(run_id, "failure_groups", "clustered=true")
    return _listed("clusters", "All clusters", columns, rows, MAX_ROWS, command, n=ranked.n_clusters)


def skip_list(skips: pa.Table | None, run_id: str) -> list[RowList]:
    """Input rows that could not be taken, by source and line."""
    if skips is None:
        return []
    order = pc.sort_indices(skips, sort_keys=[("source", "ascending"), ("line", "ascending")])[:MAX_ROWS]
    shown = skips.take(order).select(["source", "line", "reason", "message"]).to_pylist()
    rows: list[list[Value]] = [
        [_cut(row["source"]), row["line"], spoken(row["reason"]), _cut(row["message"])] for row in shown
    ]
    columns = ["Source", "Line", "Reason", "What is wrong"]
    command = rows_command(run_id, "skips")
    return _listed("skipped", "Rows that could not be taken", columns, rows, MAX_ROWS, command, n=skips.num_rows)


def task_lists(
    tasks: Sequence[AnnotationTask],
    annotations: Sequence[Annotation],
    skipped_task_ids: Collection[str],
    run_id: str,
) -> list[RowList]:
    """All tasks, and apart those completed, skipped and waiting, in the order of the proposal."""
    said: dict[str, list[Annotation]] = {}
    for annotation in sorted(annotations, key=lambda each: (each.submitted_at, each.annotation_id)):
        said.setdefault(annotation.task_id, []).append(annotation)
    ordered = sorted(tasks, key=lambda task: (task.position, task.task_id))
    skipped = [task for task in ordered if task.task_id in skipped_task_ids and task.task_id not in said]
    completed = [task for task in ordered if task.task_id in said]
    waiting = [task for task in ordered if task.task_id not in said and task.task_id not in skipped_task_ids]
    answered: list[list[Value]] = [
        [_cut(task.question), _people_said(said[task.task_id]), _triage_said(task), task.task_id] for task in completed
    ]
    columns = ["Question", "People say", "Triage says", "Task"]
    command = rows_command(run_id, _TASKS)
    asked = [_asked(task) for task in ordered[:MAX_GROUP_ROWS]]
    return [
        *_listed("tasks", "All proposed tasks", _ASKED, asked, MAX_GROUP_ROWS, command, n=len(ordered)),
        *_listed("tasks-completed", "Completed tasks", columns, answered, MAX_ROWS, command),
        *_listed("tasks-skipped", "Skipped tasks", _ASKED, [_asked(task) for task in skipped], MAX_ROWS, command),
        *_listed("tasks-waiting", "Waiting tasks", _ASKED, [_asked(task) for task in waiting], MAX_ROWS, command),
    ]


def golden_lists(
    before: GoldenState | None,
    after: GoldenState | None,
    diff: GoldenDiff,
    rejections: Sequence[Rejection],
    run_id: str,
) -> list[RowList]:
    """The rows there are by split, those there were, what was added, removed and changed, and answers that became none.

    The rows there were are listed only where there is a newer version.
    """
    command = rows_command(run_id, "golden")
    if before is not None and after is not None:
        command = _golden_command("diff", after, before.version.version, after.version.version)
    added = _golden_rows(_with_ids(after, [entry.golden_id for entry in diff.added]))
    removed = _golden_rows(_with_ids(before, [entry.golden_id for entry in diff.removed]))
    changed: list[list[Value]] = [
        [entry.golden_id, entry.split, _cut(entry.question), ", ".join(entry.fields)] for entry in diff.changed
    ]
    declined: list[list[Value]] = [
        [spoken(each.reason), _cut(each.detail), each.annotation_id]
        for each in sorted(rejections, key=lambda each: (each.reason, each.annotation_id))
    ]
    latest = after or before
    return [
        *_golden_list("golden-eval", "Golden rows of the split eval", latest, "eval"),
        *_golden_list("golden-train", "Golden rows of the split train", latest, "train"),
        *(_golden_list("golden-before", "Golden rows of the version before", before) if after is not None else ()),
        *_listed("golden-added", "Added golden rows", _GOLDEN, added, MAX_ROWS, command, n=len(diff.added)),
        *_listed("golden-removed", "Removed golden rows", _GOLDEN, removed, MAX_ROWS, command, n=len(diff.removed)),
        *_listed("golden-changed", "Changed golden rows", ["Row", "Split", "Question", "Fields"], changed, 50, command),
        *_listed("rejections", "Answers that became no golden row", ["Reason", "Detail", "Annotation"], declined, 50),
    ]


def _listed(
    name: str,
    title: str,
    columns: list[str],
    rows: list[list[Value]],
    at_most: int,
    command: str | None = None,
    *,
    n: int | None = None,
) -> list[RowList]:
    """A list of at most so many rows; none when there is no row."""
    if not rows:
        return []
    return [RowList(name=name, title=title, columns=columns, rows=rows[:at_most], n=n or len(rows), command=command)]


def _asked(task: AnnotationTask) -> list[Value]:
    return [_cut(task.question), _cut(task.why), _triage_said(task), round(task.estimated_minutes, 1), task.task_id]


def _triage_said(task: AnnotationTask) -> str:
    return "ok" if task.failure_type is None else spoken(task.failure_type)


def _people_said(answers: Sequence[Annotation]) -> str:
    return _cut("; ".join(f"{each.annotator}: {spoken(each.verdict)}" for each in answers[:9]))


def _golden_list(name: str, title: str, state: GoldenState | None, split: str | None = None) -> list[RowList]:
    """Rows of a version, by category."""
    if state is None:
        return []
    rows = state.rows if split is None else state.rows.filter(pc.equal(state.rows.column("split"), split))
    command = _golden_command("show", state, state.version.version)
    return _listed(name, title, _GOLDEN, _golden_rows(rows), MAX_GROUP_ROWS, command, n=rows.num_rows)


def _golden_command(verb: str, state: GoldenState, *versions: str) -> str:
    return shlex.join(["millrace", "golden", verb, *versions, "--name", state.version.name])


def _with_ids(state: GoldenState | None, golden_ids: Sequence[str]) -> pa.Table | None:
    if state is None or not golden_ids:
        return None
    return state.rows.filter(pc.is_in(state.rows.column("golden_id"), pa.array(golden_ids, pa.string())))


def _golden_rows(rows: pa.Table | None) -> list[list[Value]]:
    """By category, then by id."""
    if rows is None:
        return []
    order = pc.sort_indices(rows, sort_keys=[("category", "ascending"), ("golden_id", "ascending")])[:MAX_ROWS]
    return [
        [
            _cut(row["question"]),
            _expected(row),
            spoken(row["category"]),
            row["split"],
            row["added_in"],
            row["golden_id"],
        ]
        for row in rows.select(_GOLDEN_COLUMNS).take(order).to_pylist()
    ]


def _expected(row: dict[str, Any]) -> str:
    if row["expected_answer"] is None:
        return str(row["expected_behaviour"])
    return _cut(f"{row['expected_behaviour']}: {row['expected_answer']}")


def _cut(text: str) -> str:
    return excerpt(text[:4000], _MAX_CHARS)
