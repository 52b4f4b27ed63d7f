"""Builds the next version of a golden dataset from annotations (A32)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import Field

from millrace.datasets.schema import rows_of, table_of
from millrace.errors import BadInputError
from millrace.golden.groups import Membership, assign_groups
from millrace.golden.history import GoldenHistory, RemovedRow
from millrace.golden.revise import Draft, Revision, golden_id, revise
from millrace.golden.similarity import QuestionVectors
from millrace.golden.usable import Rejection, usable_annotations
from millrace.golden.versions import FIRST_VERSION, next_version
from millrace.ports import Embedder
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.base import Record
from millrace.records.golden import GoldenRow


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
        version: the parent's version when nothing changed; None when there is neither a parent nor a row.
        added: rows that the parent has not, corrected ones among them.
        removed: rows of the parent that are gone or corrected, by ``golden_id``.
        rejected: sorted by annotation id; annotations that are rows are not among them.
        warnings: groups that touch both sides of the split.
    """

    rows: pa.Table
    version: str | None
    added: int
    removed: list[RemovedRow] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether there is something to publish."""
        return bool(self.added or self.removed)


_NOTHING = GoldenHistory()


def build_golden(
    previous: pa.Table | None,
    annotations: pa.Table,
    tasks: pa.Table,
    embedder: Embedder,
    config: GoldenConfig,
    parent_version: str | None,
    history: GoldenHistory = _NOTHING,
) -> GoldenBuild:
    """Bring a golden dataset in line with what people say.

    A task gives a row when its annotators agree in verdict and expected behaviour (the first submitted answer is the
    row's), or when an adjudication settles it. A row whose task says something else now is corrected: it keeps its
    near-duplicate group and side. A row whose annotators disagree now is withdrawn until they agree. The result does
    not depend on the order of annotations, and building again on top of it changes nothing.

    Args:
        previous: table of GoldenRow, with ``parent_version``; both None for the first version.
        annotations: table of Annotation; of each task in it every annotator's current answer, because who is missing
            cannot disagree. Those of earlier versions may be among them.
        tasks: table of AnnotationTask.
        embedder: embeds questions and the turns before them.
        parent_version: the highest version there ever was; after a rollback it is above that of ``previous``.

    Raises:
        BadInputError: one of ``previous`` and ``parent_version`` without the other, or a group threshold above the
            duplicate threshold.
    """
    _check(previous, config, parent_version)
    old = [] if previous is None else rows_of(GoldenRow, previous)
    known = {task.task_id: task for task in rows_of(AnnotationTask, tasks)}
    answers = rows_of(Annotation, annotations)
    usable, rejected = usable_annotations(answers, known)
    revision = revise(old, usable, _contested(answers, rejected, known), known, history.removals)
    fresh = _place(revision, history, embedder, config)
    added = len(fresh.placed) + len(revision.corrected)
    version = _version(parent_version, added, len(revision.removed), history)
    rows = [
        *revision.standing,
        *(_golden_row(draft, _membership(row), version) for row, draft in revision.corrected),
        *(_golden_row(draft, membership, version) for draft, membership in fresh.placed),
    ]
    rows.sort(key=lambda row: row.golden_id)
    imported = {row.annotation_id for row in rows}
    every = [*rejected, *revision.rejected, *fresh.duplicates]
    return GoldenBuild(
        rows=table_of(GoldenRow, rows),
        version=version if rows or parent_version else None,
        added=added,
        removed=revision.removed,
        rejected=sorted(
            (each for each in every if each.annotation_id not in imported), key=lambda each: each.annotation_id
        ),
        warnings=fresh.warnings,
    )


def _check(previous: pa.Table | None, config: GoldenConfig, parent_version: str | None) -> None:
    if (previous is None) != (parent_version is None):
        raise BadInputError("the previous rows and their version come together, or neither does")
    if config.group_cosine > config.duplicate_cosine:
        raise BadInputError(
            f"group_cosine {config.group_cosine} exceeds duplicate_cosine {config.duplicate_cosine}: near-duplicates "
            "would not be grouped"
        )


def _contested(
    answers: Sequence[Annotation], rejected: Sequence[Rejection], known: Mapping[str, AnnotationTask]
) -> list[AnnotationTask]:
    task_of = {answer.annotation_id: answer.task_id for answer in answers}
    names = {task_of[each.annotation_id] for each in rejected if each.reason == "disagreement"}
    return [known[name] for name in sorted(names)]


def _version(parent: str | None, added: int, removed: int, history: GoldenHistory) -> str:
    if parent is None:
        return FIRST_VERSION
    changed = bool(added or removed)
    return next_version(parent, added=added, removed=removed, schema_changed=changed and history.schema_changed)


@dataclass(frozen=True)
class _Fresh:
    """Drafts that become rows, with their place; and the others."""

    placed: list[tuple[Draft, Membership]]
    duplicates: list[Rejection]
    warnings: list[str]


def _place(revision: Revision, history: GoldenHistory, embedder: Embedder, config: GoldenConfig) -> _Fresh:
    """Leave near-duplicates out; give each other draft its group, or the one it had before it departed."""
    there = [*revision.standing, *(row for row, _ in revision.corrected)]
    gone = [*([] if history.departed is None else rows_of(GoldenRow, history.departed)), *revision.withdrawn]
    remembered = [*there, *gone]
    vectors = QuestionVectors([*remembered, *(task for _, task in revision.drafts)], embedder)
    drafts = dict(enumerate(revision.drafts, start=len(remembered)))
    kept, duplicates = _without_duplicates(there, drafts, vectors, config.duplicate_cosine)
    memory = {row.golden_id: _membership(row) for row in gone}
    questions = {place: task.question for place, (_, task) in kept.items() if golden_id(task) not in memory}
    assignment = assign_groups(remembered, questions, vectors, config.group_cosine, config.eval_fraction)
    placed = [(draft, assignment.of.get(place) or memory[golden_id(draft[1])]) for place, draft in kept.items()]
    return _Fresh(placed=placed, duplicates=duplicates, warnings=assignment.warnings)


def _without_duplicates(
    rows: Sequence[GoldenRow], drafts: Mapping[int, Draft], vectors: QuestionVectors, min_cosine: float
) -> tuple[dict[int, Draft], list[Rejection]]:
    """Drafts by position in ``vectors``, without those near to a row or an earlier draft of their tenant."""
    kept: dict[int, Draft] = {}
    rejected = []
    of_tenant: dict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        of_tenant[row.tenant_id].append(position)
    for position, (annotation, task) in drafts.items():
        near = vectors.near(position, of_tenant[task.tenant_id], min_cosine)
        near = [other for other in near if vectors.same_turn(position, other, min_cosine)]
        if near:
            other = rows[near[0]].golden_id if near[0] < len(rows) else golden_id(kept[near[0]][1])
            rejected.append(Rejection(annotation_id=annotation.annotation_id, reason="near_duplicate", detail=other))
        else:
            kept[position] = (annotation, task)
            of_tenant[task.tenant_id].append(position)
    return kept, rejected


def _membership(row: GoldenRow) -> Membership:
    return Membership(row.near_duplicate_group, row.split)


def _golden_row(draft: Draft, membership: Membership, version: str) -> GoldenRow:
    annotation, task = draft
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
        group_id=task.group_id,
        group_label=task.group_label,
    )
