"""What people did, what the golden dataset became, and what is due next."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import pyarrow as pa

from millrace.errors import BadInputError
from millrace.records.annotation import Annotation, AnnotationTask, AnswerVerdict
from millrace.records.golden import GoldenVersion
from millrace.records.report import (
    AnnotationEffort,
    CategoryCount,
    Count,
    CoverageGap,
    Due,
    Failures,
    GoldenChange,
)
from millrace.records.triage import FailureType


@dataclass(frozen=True)
class GoldenState:
    """A version of the golden dataset with its rows, a table of GoldenRow."""

    version: GoldenVersion
    rows: pa.Table


def measure_effort(
    tasks: Sequence[AnnotationTask], annotations: Sequence[Annotation], skipped_task_ids: Collection[str]
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
        minutes_waiting=sum(task.estimated_minutes for task in waiting),
        annotators=_most_first(Counter(annotation.annotator for annotation in annotations)),
    )


def measure_golden(
    before: GoldenState | None,
    after: GoldenState | None,
    rejected: Mapping[str, int],
    warnings: Sequence[str] = (),
) -> GoldenChange:
    """The change between two versions; rows added and removed are told apart by their golden id.

    Without ``after`` nothing was published, and the rows are still those of ``before``.
    """
    latest = after or before
    old, new = _ids(before), _ids(latest)
    return GoldenChange(
        name=None if latest is None else latest.version.name,
        version_before=None if before is None else before.version.version,
        version_after=None if after is None else after.version.version,
        content_hash=None if after is None else after.version.content_hash,
        n_before=len(old),
        n_after=len(new),
        n_added=len(new - old),
        n_removed=len(old - new),
        rejected=_most_first(rejected),
        warnings=list(warnings),
        categories=[] if latest is None else _categories(latest.rows),
    )


def find_due(effort: AnnotationEffort, golden: GoldenChange, failures: Failures) -> Due:
    """Tasks that wait, and failure types without a golden row, the most frequent in the window first."""
    covered = {category.category for category in golden.categories if category.n_eval + category.n_train}
    n_by_type = {row.failure_type: row.n for row in failures.by_type}
    gaps = [
        CoverageGap(failure_type=name, n_failures=n_by_type[name])
        for name in get_args(FailureType)
        if name not in covered
    ]
    return Due(n_waiting_tasks=effort.n_waiting, gaps=sorted(gaps, key=lambda gap: -gap.n_failures))


def _ids(state: GoldenState | None) -> set[str]:
    return set() if state is None else set(state.rows.column("golden_id").to_pylist())


def _categories(rows: pa.Table) -> list[CategoryCount]:
    pairs = rows.group_by(["category", "split"]).aggregate([([], "count_all")]).to_pylist()
    counts = {(pair["category"], pair["split"]): pair["count_all"] for pair in pairs}
    return [
        CategoryCount(category=name, n_eval=counts.get((name, "eval"), 0), n_train=counts.get((name, "train"), 0))
        for name in get_args(AnswerVerdict)
        if (name, "eval") in counts or (name, "train") in counts
    ]


def _most_first(counts: Mapping[str, int]) -> list[Count]:
    return [Count(name=name, n=n) for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
