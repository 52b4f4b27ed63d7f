"""Reads what a person answered, explains what is wrong with it, and makes annotations of it (A30)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.ledger.annotations import Annotation as SubmittedAnswer
from millrace.records.annotation import Annotation, AnnotationAnswer, AnnotationTask


def read_answer(fields: Mapping[str, object]) -> AnnotationAnswer | list[str]:
    """The answer that these fields make, or every problem with them in plain words, to be shown and asked again.

    Texts lose surrounding white space; blank ones count as left out.
    """
    stripped = {name: value.strip() if isinstance(value, str) else value for name, value in fields.items()}
    try:
        answer = AnnotationAnswer.model_validate({name: value for name, value in stripped.items() if value != ""})
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
    return answer_problems(answer) or answer


def answer_problems(answer: AnnotationAnswer | Annotation) -> list[str]:
    """What keeps an answer from being used, in plain words; empty when nothing does.

    ``support`` goes with any verdict and behaviour, and may be left out: it is about the passages, not about what was
    expected. To a trace without an answer it says nothing, and is dropped where an annotation is made.
    """
    given = bool(answer.expected_answer and answer.expected_answer.strip())
    if answer.expected_behaviour == "answer" and not given:
        return ["expected_answer: write the answer the application should have given, or expect it to abstain or block"]
    if answer.expected_behaviour != "answer" and given:
        return [
            f"expected_answer: leave it out, the application is expected to {answer.expected_behaviour}; "
            "remarks belong into the note"
        ]
    return []


def make_annotation(
    task: AnnotationTask, answer: AnnotationAnswer, *, annotator: str, submitted_at: datetime, adjudicates: bool = False
) -> Annotation:
    """An answer with who gave it, when and to which task; submitting the same answer again gives the same id.

    Args:
        adjudicates: it settles a disagreement, and counts instead of the others' answers.

    Raises:
        BadInputError: the answer has problems; the message lists them.
    """
    problems = answer_problems(answer)
    if problems:
        raise BadInputError(f"task {task.task_id}: {'; '.join(problems)}", task_id=task.task_id, problems=problems)
    told_apart = ["adjudicates"] if adjudicates else []
    return Annotation(
        annotation_id=f"annotation-{sha256_json([task.task_id, annotator, answer, *told_apart])[:24]}",
        task_id=task.task_id,
        trace_id=task.trace_id,
        annotator=annotator,
        submitted_at=submitted_at,
        adjudicates=adjudicates,
        **_about(task, answer),
    )


def annotation_of(submitted: SubmittedAnswer, task: AnnotationTask) -> Annotation:
    """An answer of the ledger, under the ledger's id, as a row of a dataset.

    Raises:
        BadInputError: what is stored is no answer to an annotation task; the message says why.
    """
    fields = submitted.answer if isinstance(submitted.answer, dict) else {"answer": submitted.answer}
    answer = read_answer(fields)
    if not isinstance(answer, AnnotationAnswer):
        raise BadInputError(
            f"the stored answer of {submitted.annotator} to task {submitted.task_id} cannot be used: "
            f"{'; '.join(answer)}",
            task_id=submitted.task_id,
            annotation_id=submitted.annotation_id,
        )
    return Annotation(
        annotation_id=submitted.annotation_id,
        task_id=submitted.task_id,
        trace_id=task.trace_id,
        annotator=submitted.annotator,
        submitted_at=submitted.submitted_at,
        adjudicates=submitted.adjudicates,
        **_about(task, answer),
    )


def _about(task: AnnotationTask, answer: AnnotationAnswer) -> dict[str, Any]:
    answered = bool(task.answer and task.answer.strip())
    return answer.model_dump() | {"support": answer.support if answered else None}


def annotations_table(annotations: Iterable[Annotation]) -> pa.Table:
    """Table of Annotation sorted by id, each id once: of equal answers the first submitted."""
    first: dict[str, Annotation] = {}
    for annotation in sorted(annotations, key=lambda each: (each.annotation_id, each.submitted_at)):
        first.setdefault(annotation.annotation_id, annotation)
    return table_of(Annotation, first.values())
