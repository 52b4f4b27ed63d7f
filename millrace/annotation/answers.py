"""Reads what a person answered, explains what is wrong with it, and makes annotations of it (A30)."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import pyarrow as pa
from pydantic import ValidationError

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
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
    """What keeps an answer from being used, in plain words; empty when nothing does."""
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
    task: AnnotationTask, answer: AnnotationAnswer, *, annotator: str, submitted_at: datetime
) -> Annotation:
    """An answer with who gave it, when and to which task; submitting the same answer again gives the same id.

    Raises:
        BadInputError: the answer has problems; the message lists them.
    """
    problems = answer_problems(answer)
    if problems:
        raise BadInputError(f"task {task.task_id}: {'; '.join(problems)}", task_id=task.task_id, problems=problems)
    annotation_id = f"annotation-{sha256_json([task.task_id, annotator, answer])[:24]}"
    return Annotation(
        annotation_id=annotation_id,
        task_id=task.task_id,
        trace_id=task.trace_id,
        annotator=annotator,
        **answer.model_dump(),
        submitted_at=submitted_at,
    )


def annotations_table(annotations: Iterable[Annotation]) -> pa.Table:
    """Table of Annotation sorted by id, each id once: of equal answers the first submitted."""
    first: dict[str, Annotation] = {}
    for annotation in sorted(annotations, key=lambda each: (each.annotation_id, each.submitted_at)):
        first.setdefault(annotation.annotation_id, annotation)
    return table_of(Annotation, first.values())
