"""What people's answers do to the rows that are there: confirm, correct or withdraw them (A32)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from millrace.datasets.canonical import sha256_json
from millrace.golden.history import Removal, RemovalReason, RemovedRow
from millrace.golden.usable import Rejection
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.golden import GoldenRow

Draft = tuple[Annotation, AnnotationTask]


@dataclass
class Revision:
    """Rows and answers sorted out.

    Attributes:
        standing: rows that stay as they are.
        corrected: rows whose answer is replaced, with what replaces it.
        withdrawn: rows on which annotators no longer agree.
        drafts: answers about what is no row yet, in order of submission.
        rejected: answers that say what a row says already, or whose row was taken out by hand.
    """

    standing: list[GoldenRow] = field(default_factory=list)
    corrected: list[tuple[GoldenRow, Draft]] = field(default_factory=list)
    withdrawn: list[GoldenRow] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def removed(self) -> list[RemovedRow]:
        """By ``golden_id``."""
        rows = [_removed(row, "corrected", draft[0].annotation_id) for row, draft in self.corrected]
        rows += [_removed(row, "disagreement", "annotators disagree") for row in self.withdrawn]
        return sorted(rows, key=lambda each: each.golden_id)


def golden_id(task: AnnotationTask) -> str:
    """Equal for equal tenant, question and history."""
    history = [[turn.speaker, turn.text] for turn in task.history]
    return f"golden-{sha256_json([task.tenant_id, task.question, history])[:24]}"


def revise(
    old: Sequence[GoldenRow],
    usable: Sequence[Annotation],
    contested: Sequence[AnnotationTask],
    known: Mapping[str, AnnotationTask],
    removals: Sequence[Removal],
) -> Revision:
    """Hold answers against rows; an answer belongs to the row of the same question about the same trace.

    Args:
        usable: at most one answer to a task, in order of submission.
        contested: tasks whose annotators disagree.
        known: tasks by id.
    """
    revision = Revision()
    row_of = {(row.golden_id, row.source_trace_id): row for row in old}
    replaced = {(golden_id(task), task.trace_id) for task in contested} & row_of.keys()
    revision.withdrawn = [row_of[place] for place in sorted(replaced)]
    for annotation in usable:
        draft = (annotation, known[annotation.task_id])
        place = (golden_id(draft[1]), annotation.trace_id)
        row = row_of.get(place)
        if row is None:
            _take_in(revision, draft, removals)
        elif _content_of_row(row) != _content(annotation):
            revision.corrected.append((row, draft))
            replaced.add(place)
        elif row.annotation_id != annotation.annotation_id:
            revision.rejected.append(
                Rejection(annotation_id=annotation.annotation_id, reason="confirms", detail=row.golden_id)
            )
    revision.standing = [row for place, row in row_of.items() if place not in replaced]
    return revision


def _take_in(revision: Revision, draft: Draft, removals: Sequence[Removal]) -> None:
    annotation, task = draft
    own = golden_id(task)
    gone = [each for each in removals if each.golden_id == own and annotation.submitted_at <= each.removed_at]
    if gone:
        revision.rejected.append(
            Rejection(annotation_id=annotation.annotation_id, reason="removed", detail=gone[-1].reason)
        )
    else:
        revision.drafts.append(draft)


def _content(annotation: Annotation) -> tuple[str, str, str | None]:
    return annotation.verdict, annotation.expected_behaviour, annotation.expected_answer


def _content_of_row(row: GoldenRow) -> tuple[str, str, str | None]:
    return row.category, row.expected_behaviour, row.expected_answer


def _removed(row: GoldenRow, reason: RemovalReason, detail: str) -> RemovedRow:
    return RemovedRow(golden_id=row.golden_id, annotation_id=row.annotation_id, reason=reason, detail=detail)
