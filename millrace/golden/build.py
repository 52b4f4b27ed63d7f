"""Builds the next version of a golden dataset from annotations (A32)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import rows_of, table_of
from millrace.errors import BadInputError
from millrace.golden.groups import Membership, assign_groups
from millrace.golden.similarity import QuestionVectors
from millrace.golden.usable import Rejection, usable_annotations
from millrace.golden.versions import FIRST_VERSION, next_version
from millrace.ports import Embedder
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.base import Record
from millrace.records.golden import GoldenRow

Draft = tuple[Annotation, AnnotationTask]


class GoldenConfig(Record):
    """What counts as a near-duplicate, and how many groups become evals."""

    duplicate_cosine: float = Field(0.95, gt=0, le=0.999, description="A question this near to another one is left out")
    group_cosine: float = Field(
        0.9, gt=0, le=0.999, description="Questions this near are kept on the same side of eval and train"
    )
    eval_fraction: float = Field(0.5, ge=0, le=1, description="Share of new groups that go to eval")


@dataclass(frozen=True)
class GoldenBuild:
    """The next version.

    Attributes:
        rows: table of GoldenRow sorted by ``golden_id``.
        version: the parent's version when nothing was added; None when there is neither a parent nor a row.
        added: rows that the parent has not.
        rejected: sorted by annotation id; annotations that are rows already are not among them.
        warnings: groups that touch both sides of the split.
    """

    rows: pa.Table
    version: str | None
    added: int
    rejected: list[Rejection] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def build_golden(
    previous: pa.Table | None,
    annotations: pa.Table,
    tasks: pa.Table,
    embedder: Embedder,
    config: GoldenConfig,
    parent_version: str | None,
) -> GoldenBuild:
    """Add what annotations teach to the previous version; nothing is changed or removed.

    Of an annotator's answers to one task the last counts. Annotators who differ in verdict or expected behaviour are in
    disagreement, and the task gives no row; where they agree, the first submitted answer gives the row. The result does
    not depend on the order of annotations, and building again on top of it adds nothing.

    Args:
        previous: table of GoldenRow, with ``parent_version``; both None for the first version.
        annotations: table of Annotation; those of earlier versions may be among them.
        tasks: table of AnnotationTask.
        embedder: embeds questions and the turns before them.

    Raises:
        BadInputError: one of ``previous`` and ``parent_version`` without the other, or a group threshold above the
            duplicate threshold.
    """
    _check(previous, config, parent_version)
    old = [] if previous is None else rows_of(GoldenRow, previous)
    known = {task.task_id: task for task in rows_of(AnnotationTask, tasks)}
    imported = {row.annotation_id for row in old}
    usable, rejected = usable_annotations(rows_of(Annotation, annotations), known)
    drafts = [(each, known[each.task_id]) for each in usable if each.annotation_id not in imported]
    vectors = QuestionVectors([*old, *(task for _, task in drafts)], embedder)
    kept, duplicates = _without_duplicates(old, drafts, vectors, config.duplicate_cosine)
    questions = {position: task.question for position, (_, task) in kept.items()}
    assignment = assign_groups(old, questions, vectors, config.group_cosine, config.eval_fraction)
    version = next_version(parent_version, added=len(kept)) if parent_version else FIRST_VERSION
    rows = [*old, *(_golden_row(*kept[each], assignment.of[each], version) for each in kept)]
    rows.sort(key=lambda row: row.golden_id)
    return GoldenBuild(
        rows=table_of(GoldenRow, rows),
        version=version if rows else None,
        added=len(kept),
        rejected=sorted(
            (each for each in [*rejected, *duplicates] if each.annotation_id not in imported),
            key=lambda each: each.annotation_id,
        ),
        warnings=assignment.warnings,
    )


def _check(previous: pa.Table | None, config: GoldenConfig, parent_version: str | None) -> None:
    if (previous is None) != (parent_version is None):
        raise BadInputError("the previous rows and their version come together, or neither does")
    if config.group_cosine > config.duplicate_cosine:
        raise BadInputError(
            f"group_cosine {config.group_cosine} exceeds duplicate_cosine {config.duplicate_cosine}: near-duplicates "
            "would not be grouped"
        )


def _without_duplicates(
    old: Sequence[GoldenRow], drafts: Sequence[Draft], vectors: QuestionVectors, min_cosine: float
) -> tuple[dict[int, Draft], list[Rejection]]:
    """Drafts by position in ``vectors``, without those near to an old row or an earlier draft of their tenant."""
    kept: dict[int, Draft] = {}
    rejected = []
    of_tenant: dict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(old):
        of_tenant[row.tenant_id].append(position)
    for position, (annotation, task) in enumerate(drafts, start=len(old)):
        near = vectors.near(position, of_tenant[task.tenant_id], min_cosine)
        near = [other for other in near if vectors.same_turn(position, other, min_cosine)]
        if near:
            other = old[near[0]].golden_id if near[0] < len(old) else golden_id(kept[near[0]][1])
            rejected.append(Rejection(annotation_id=annotation.annotation_id, reason="near_duplicate", detail=other))
        else:
            kept[position] = (annotation, task)
            of_tenant[task.tenant_id].append(position)
    return kept, rejected


def golden_id(task: AnnotationTask) -> str:
    """Equal for equal tenant, question and history."""
    history = [[turn.speaker, turn.text] for turn in task.history]
    return f"golden-{sha256_json([task.tenant_id, task.question, history])[:24]}"


def _golden_row(annotation: Annotation, task: AnnotationTask, membership: Membership, version: str) -> GoldenRow:
    return GoldenRow(
        golden_id=golden_id(task),
        tenant_id=task.tenant_id,
        question=task.question,
        history=task.history,
        contexts=task.contexts,
        expected_behaviour=annotation.expected_behaviour,
        expected_answer=annotation.expected_answer,
        category=annotation.verdict,
        near_duplicate_group=membership.group,
        split=membership.split,
        source_trace_id=annotation.trace_id,
        annotation_id=annotation.annotation_id,
        added_in=version,
    )
