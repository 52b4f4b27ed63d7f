"""Which annotations may become golden rows (A32)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.base import Identifier, Record

RejectionReason = Literal[
    "unknown_task",
    "invalid",
    "superseded",
    "disagreement",
    "adjudicated",
    "second_opinion",
    "confirms",
    "removed",
    "near_duplicate",
]


class Rejection(Record):
    """An annotation that gave no row.

    ``superseded``: the annotator answered again; ``disagreement``: annotators differ in verdict or expected behaviour;
    ``adjudicated``: another answer settles the task; ``second_opinion``: agrees with an answer submitted before;
    ``confirms``: says what its row says already; ``removed``: its row was taken out by hand since, ``detail`` says why;
    ``near_duplicate``: ``detail`` names the row or draft it repeats.
    """

    annotation_id: Identifier
    reason: RejectionReason
    detail: str


def usable_annotations(
    annotations: Sequence[Annotation], tasks: Mapping[str, AnnotationTask]
) -> tuple[list[Annotation], list[Rejection]]:
    """One annotation per task that is settled, first submitted first; and the others with the reason.

    A task is settled by its last adjudication, or else when all annotators agree. The order of ``annotations`` does not
    matter; one that appears twice counts once.
    """
    rejected = []
    by_task: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in _in_order(annotations):
        problem = _problem(annotation, tasks)
        if problem is None:
            by_task[annotation.task_id].append(annotation)
        else:
            rejected.append(problem)
    usable = []
    for answers in by_task.values():
        chosen, left = _agreed(answers)
        usable.extend(chosen)
        rejected.extend(left)
    return _in_order(usable), rejected


def _in_order(annotations: Sequence[Annotation]) -> list[Annotation]:
    unique = {annotation.annotation_id: annotation for annotation in annotations}
    return sorted(unique.values(), key=lambda each: (each.submitted_at, each.annotation_id))


def _problem(annotation: Annotation, tasks: Mapping[str, AnnotationTask]) -> Rejection | None:
    task = tasks.get(annotation.task_id)
    if task is None:
        return _reject(annotation, "unknown_task", f"no task {annotation.task_id}")
    if task.trace_id != annotation.trace_id:
        return _reject(annotation, "invalid", f"task {task.task_id} is about trace {task.trace_id}")
    if not task.question.strip():
        return _reject(annotation, "invalid", "the question is blank")
    expects_answer = annotation.expected_behaviour == "answer"
    if expects_answer != bool(annotation.expected_answer and annotation.expected_answer.strip()):
        return _reject(annotation, "invalid", "an expected answer belongs to the expected behaviour 'answer' alone")
    return None


def _agreed(answers: Sequence[Annotation]) -> tuple[list[Annotation], list[Rejection]]:
    """What counts of the answers to one task, and the others; ``answers`` by time of submission.

    Of an annotator the last answer counts, beside the last adjudication.
    """
    last = {(answer.annotator, answer.adjudicates): answer for answer in answers}
    current = [answer for answer in answers if last[answer.annotator, answer.adjudicates] is answer]
    rejected = [
        _reject(answer, "superseded", last[answer.annotator, answer.adjudicates].annotation_id)
        for answer in answers
        if last[answer.annotator, answer.adjudicates] is not answer
    ]
    settling = [answer for answer in current if answer.adjudicates]
    if settling:
        others = [answer for answer in current if answer is not settling[-1]]
        rejected += [_reject(answer, "adjudicated", settling[-1].annotation_id) for answer in others]
        return settling[-1:], rejected
    if len({(answer.verdict, answer.expected_behaviour) for answer in current}) > 1:
        said = "; ".join(f"{each.annotator}: {each.verdict}, {each.expected_behaviour}" for each in current)
        return [], rejected + [_reject(answer, "disagreement", said) for answer in current]
    agreeing = [_reject(answer, "second_opinion", current[0].annotation_id) for answer in current[1:]]
    return current[:1], rejected + agreeing


def _reject(annotation: Annotation, reason: RejectionReason, detail: str) -> Rejection:
    return Rejection(annotation_id=annotation.annotation_id, reason=reason, detail=detail)
