"""What people did, what the golden dataset became, and what is due next."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.errors import BadInputError
from millrace.golden.diff import GoldenDiff, diff_golden
from millrace.records.annotation import Annotation, AnnotationTask, AnswerVerdict
from millrace.records.evals import CategoryCoverage, CoverageGap, EvalCoverage
from millrace.records.golden import GoldenRow, GoldenVersion
from millrace.records.report import AgreementFigure, AnnotationEffort, Count, Due, Failures, GoldenChange


@dataclass(frozen=True)
class GoldenState:
    """A version of the golden dataset with its rows, a table of GoldenRow."""

    version: GoldenVersion
    rows: pa.Table


@dataclass(frozen=True)
class Concord:
    """How far annotators agreed: figures such as Krippendorff's alpha, and the tasks on which they differ."""

    figures: Sequence[AgreementFigure] = ()
    n_disagreements: int = 0
    n_adjudicated: int = 0


def measure_effort(
    tasks: Sequence[AnnotationTask],
    annotations: Sequence[Annotation],
    skipped_task_ids: Collection[str],
    concord: Concord,
) -> AnnotationEffort:
    """Tasks by what became of them: answered wins over skipped, the rest waits. Annotators by answers, most first.

    Raises:
        BadInputError: an annotation or a skip of a task that is not among the tasks.
    """
    proposed = {task.task_id for task in tasks}
    completed = {annotation.task_id for annotation in annotations}
    skipped = set(skipped_task_ids) - completed
    unknown = sorted((completed | skipped) - proposed)
    if unknown:
        raise BadInputError(f"answers to tasks that were not proposed: {unknown}", unknown=unknown)
    waiting = [task for task in tasks if task.task_id not in completed | skipped]
    return AnnotationEffort(
        n_proposed=len(proposed),
        n_completed=len(completed),
        n_skipped=len(skipped),
        n_waiting=len(waiting),
        minutes_waiting=math.fsum(task.estimated_minutes for task in waiting),
        minutes_completed=math.fsum(task.estimated_minutes for task in tasks if task.task_id in completed),
        annotators=_most_first(Counter(annotation.annotator for annotation in annotations)),
        agreement=list(concord.figures),
        n_disagreements=concord.n_disagreements,
        n_adjudicated=concord.n_adjudicated,
    )


def golden_diff(before: GoldenState | None, after: GoldenState | None) -> GoldenDiff:
    """Rows added, removed and changed; without ``after`` nothing was published, and nothing changed."""
    if after is None:
        return GoldenDiff(added=[], removed=[], changed=[])
    return diff_golden(_light(before), _light(after))


def measure_golden(
    before: GoldenState | None,
    after: GoldenState | None,
    diff: GoldenDiff,
    rejected: Mapping[str, int],
    warnings: Sequence[str] = (),
) -> GoldenChange:
    """The change between two versions.

    Without ``after`` nothing was published, and the rows are still those of ``before``.
    """
    latest = after or before
    return GoldenChange(
        name=None if latest is None else latest.version.name,
        version_before=None if before is None else before.version.version,
        version_after=None if after is None else after.version.version,
        content_hash=None if after is None else after.version.content_hash,
        n_before=0 if before is None else before.rows.num_rows,
        n_after=0 if latest is None else latest.rows.num_rows,
        n_added=len(diff.added),
        n_removed=len(diff.removed),
        n_changed=len(diff.changed),
        rejected=_most_first(rejected),
        warnings=list(warnings),
        categories=[] if latest is None else _categories(latest.rows),
    )


def find_due(effort: AnnotationEffort, golden: GoldenChange, failures: Failures, coverage: EvalCoverage | None) -> Due:
    """Tasks that wait, disagreements that nobody settled, and failures that no eval row stands for.

    Without ``coverage`` the gaps are the failure types of the week that have no eval row.
    """
    covered = {category.category for category in golden.categories if category.n_eval}
    gaps = [
        CoverageGap(
            kind="failure_type", name=row.failure_type, label=row.failure_type.replace("_", " "), n_failures=row.n
        )
        for row in failures.by_type
        if row.n and row.failure_type not in covered
    ]
    return Due(
        n_waiting_tasks=effort.n_waiting,
        n_open_disagreements=max(0, effort.n_disagreements - effort.n_adjudicated),
        gaps=gaps if coverage is None else coverage.gaps,
    )


def _light(state: GoldenState | None) -> pa.Table:
    """The columns that people would call the row; passages and history are left out, as they are long."""
    rows = arrow_schema(GoldenRow).empty_table() if state is None else state.rows
    return rows.select([name for name in rows.column_names if name not in ("contexts", "history")])


def _categories(rows: pa.Table) -> list[CategoryCoverage]:
    pairs = rows.group_by(["category", "split"]).aggregate([([], "count_all")]).to_pylist()
    counts = {(pair["category"], pair["split"]): pair["count_all"] for pair in pairs}
    return [
        CategoryCoverage(category=name, n_eval=counts.get((name, "eval"), 0), n_train=counts.get((name, "train"), 0))
        for name in get_args(AnswerVerdict)
        if (name, "eval") in counts or (name, "train") in counts
    ]


def _most_first(counts: Mapping[str, int]) -> list[Count]:
    return [Count(name=name, n=n) for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
