"""Answers to annotation tasks: each annotator's latest counts, every earlier one is kept.

Where answers differ, a later one by whoever settles it, an adjudication, stands beside them.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, Select, func, select

from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.errors import BadInputError
from millrace.ledger.queue import give_up
from millrace.ledger.schema import Json, annotations, tasks
from millrace.ledger.store import Ledger, chunks
from millrace.ledger.tasks import Task, TaskEventName, find_task, log_events, refuse_taken
from millrace.records.base import Identifier, Record, Sha256
from millrace.records.trace import UtcTime


class Annotation(Record):
    """One answer; ``replaces`` is the annotator's earlier answer to the same task, or the earlier adjudication."""

    sequence: int
    annotation_id: Sha256 = Field(description="Over task, annotator and how many answers came before")
    task_id: Identifier
    annotator: Identifier
    answer: Json
    submitted_at: UtcTime
    replaces: Sha256 | None
    adjudicates: bool = Field(False, description="Settles the task's answers, which differ")


def submit(ledger: Ledger, task_id: str, annotator: str, answer: Json, at: datetime) -> Annotation:
    """Answer a task, claimed or not; with the last answer that it wants it is completed.

    The annotator's current answer submitted again changes nothing; another one replaces it, also while others hold
    the task. One more person's answer to a completed task stands beside the others.

    Raises:
        NotFoundError: no such task.
        BadInputError: others hold the task, named with the end of the claim; or no JSON value.
    """
    with ledger.write() as connection:
        task = find_task(connection, task_id)
        earlier = [each for each in _answers_to(connection, task_id) if _is_answer_of(each, annotator)]
        current = earlier[-1] if earlier else None
        if current is None:
            refuse_taken(task, annotator, at, task.n_annotators)
        elif _says(current, annotator, answer):
            return current
        annotation_id = sha256_json([task_id, annotator, len(earlier)])
        row = {"annotation_id": annotation_id, "task_id": task_id, "annotator": annotator, "answer": answer}
        event: TaskEventName = "replaced" if current else "submitted"
        stored = _insert(connection, row | {"submitted_at": at, "adjudicates": False}, current, event)
        give_up(connection, task, annotator)
        return stored


def adjudicate(ledger: Ledger, task_id: str, annotator: str, answer: Json, at: datetime) -> Annotation:
    """Settle the answers to a completed task, whoever gave them; an earlier adjudication is replaced and kept.

    The same person's same answer again changes nothing, unless the task was answered anew since.

    Raises:
        NotFoundError: no such task.
        BadInputError: the task still wants answers, fewer than two people answered, or no JSON value.
    """
    with ledger.write() as connection:
        _refuse_early(find_task(connection, task_id))
        given = _answers_to(connection, task_id)
        earlier = [each for each in given if each.adjudicates]
        current = earlier[-1] if earlier else None
        if current is not None and current == given[-1] and _says(current, annotator, answer):
            return current
        annotation_id = sha256_json([task_id, annotator, "adjudicates", len(earlier)])
        row = {"annotation_id": annotation_id, "task_id": task_id, "annotator": annotator, "answer": answer}
        return _insert(connection, row | {"submitted_at": at, "adjudicates": True}, current, "adjudicated")


def answer_history(ledger: Ledger, task_id: str, seen_by: str | None = None) -> list[Annotation]:
    """Every answer to a task and every adjudication, replaced ones included, in the order of submission.

    Args:
        seen_by: only what this person may see without losing an independent judgement: their own answers while
            the task is open; others' too once it is completed, or put aside after they answered. None for all.

    Raises:
        NotFoundError: no such task.
    """
    with ledger.read() as connection:
        status = find_task(connection, task_id).status
        given = _answers_to(connection, task_id)
    own = [each for each in given if seen_by is not None and _is_answer_of(each, seen_by)]
    if seen_by is None or status == "completed" or (status == "skipped" and own):
        return given
    return own


def annotations_for(
    ledger: Ledger, task_ids: Collection[str] | None = None, sequence_upto: int | None = None
) -> list[Annotation]:
    """Each annotator's current answer, then the task's current adjudication, where there is one.

    An adjudication counts instead of the answers; they stay in the list, because agreement is theirs.

    Returns:
        In the order in which tasks are asked, then by annotator, adjudications after answers.

    Args:
        task_ids: only answers to these; None for all.
        sequence_upto: as it was when this was :func:`latest_annotation_sequence`; None for now.
    """
    replaced = select(annotations.c.replaces).where(annotations.c.replaces.is_not(None))
    query = select(annotations, tasks.c.sequence.label("task_sequence")).join(tasks)
    if sequence_upto is not None:
        replaced = replaced.where(annotations.c.sequence <= sequence_upto)
        query = query.where(annotations.c.sequence <= sequence_upto)
    query = query.where(annotations.c.annotation_id.not_in(replaced))
    with ledger.read() as connection:
        rows = _fetch(connection, query, task_ids)
    rows.sort(key=lambda row: (row.task_sequence, row.adjudicates, row.annotator))
    return [_annotation(row) for row in rows]


def latest_annotation_sequence(ledger: Ledger) -> int:
    """The highest sequence of an answer, 0 when there is none: pin it, and a snapshot can be taken again."""
    with ledger.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(annotations.c.sequence), 0))).scalar_one())


def _fetch(connection: Connection, query: Select[Any], task_ids: Collection[str] | None) -> list[Row[Any]]:
    if task_ids is None:
        return list(connection.execute(query))
    wanted = chunks(sorted(set(task_ids)))
    return [row for ids in wanted for row in connection.execute(query.where(annotations.c.task_id.in_(ids)))]


def _insert(
    connection: Connection, row: dict[str, Any], current: Annotation | None, event: TaskEventName
) -> Annotation:
    task_id, annotator, annotation_id = row["task_id"], row["annotator"], row["annotation_id"]
    connection.execute(annotations.insert(), row | {"replaces": current.annotation_id if current else None})
    log_events(connection, event, [task_id], annotator, row["submitted_at"], annotation_id=annotation_id)
    stored = select(annotations).where(annotations.c.annotation_id == annotation_id)
    return _annotation(connection.execute(stored).one())


def _refuse_early(task: Task) -> None:
    if task.status != "completed":
        raise BadInputError(
            f"task {task.task_id} has {task.n_answers} of the {task.n_annotators} answers that it wants; "
            "it is settled when all are in",
            task_id=task.task_id,
        )
    if task.n_answers < 2:
        raise BadInputError(f"task {task.task_id} has one answer: there is nothing to settle", task_id=task.task_id)


def _says(annotation: Annotation, annotator: str, answer: Json) -> bool:
    return annotation.annotator == annotator and canonical_json(annotation.answer) == canonical_json(answer)


def _is_answer_of(annotation: Annotation, annotator: str) -> bool:
    return annotation.annotator == annotator and not annotation.adjudicates


def _answers_to(connection: Connection, task_id: str) -> list[Annotation]:
    query = select(annotations).where(annotations.c.task_id == task_id).order_by(annotations.c.sequence)
    return [_annotation(row) for row in connection.execute(query)]


def _annotation(row: Row[Any]) -> Annotation:
    return Annotation.model_validate({name: row._mapping[name] for name in annotations.c.keys()})  # noqa: SIM118
