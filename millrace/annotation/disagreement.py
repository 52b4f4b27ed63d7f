"""Where annotators differ about a task, and whether it was settled (A30)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from pydantic import Field

from millrace.records.annotation import Annotation
from millrace.records.base import Identifier, Record

JudgedField = Literal["verdict", "expected_behaviour", "support"]
JUDGED_FIELDS: tuple[JudgedField, ...] = get_args(JudgedField)


class TaskOpinions(Record):
    """What stands about one task: each annotator's last answer, and the adjudication where there is one."""

    task_id: Identifier
    answers: list[Annotation] = Field(description="By annotator")
    adjudication: Annotation | None = None

    @property
    def differs_in(self) -> list[JudgedField]:
        """The fields in which annotators differ.

        Verdict, expected behaviour, and support among those who judged it. Not the expected answer and the note:
        two people never write the same, and what a text says is not compared here.
        """
        return _differing(self.answers)

    @property
    def settled(self) -> bool:
        """Whether an adjudication answers the disagreement, and nobody differed from it in an answer given later."""
        settling = self.adjudication
        if settling is None:
            return False
        later = [answer for answer in self.answers if answer.submitted_at > settling.submitted_at]
        return not any(_differing([settling, answer]) for answer in later)

    @property
    def wants_adjudication(self) -> bool:
        """Whether somebody should settle it, for the first time or again."""
        return not self.settled and (bool(self.differs_in) or self.adjudication is not None)


def opinions(annotations: Iterable[Annotation]) -> list[TaskOpinions]:
    """What stands about each task, by task id; of an annotator's answers, and of adjudications, the last counts.

    The order of ``annotations`` does not matter; of two submitted at one time the greater id is the last.
    """
    answers: dict[str, dict[str, Annotation]] = defaultdict(dict)
    settling: dict[str, Annotation] = {}
    for annotation in sorted(annotations, key=lambda each: (each.submitted_at, each.annotation_id)):
        if annotation.adjudicates:
            settling[annotation.task_id] = annotation
        else:
            answers[annotation.task_id][annotation.annotator] = annotation
    return [
        TaskOpinions(
            task_id=task_id,
            answers=[answers[task_id][name] for name in sorted(answers.get(task_id, {}))],
            adjudication=settling.get(task_id),
        )
        for task_id in sorted({*answers, *settling})
    ]


def _differing(answers: Sequence[Annotation]) -> list[JudgedField]:
    def said(field: JudgedField) -> set[str]:
        return {value for answer in answers if (value := getattr(answer, field)) is not None}

    return [field for field in JUDGED_FIELDS if len(said(field)) > 1]
