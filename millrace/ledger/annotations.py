"""Answers to annotation tasks: each annotator's latest counts, every earlier one is kept."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, Select, func, select, update

from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.ledger.schema import Json, annotations, tasks
from millrace.ledger.store import Ledger, chunks
from millrace.ledger.tasks import TaskEventName, find_task, log_events, refuse_foreign_claim
from millrace.records.base import Identifier, Record, Sha256
from millrace.records.trace import UtcTime


class Annotation(Record):
    """One answer; ``replaces`` is the annotator's earlier answer to the same task."""

    sequence: int
    annotation_id: Sha256 = Field(description="Over task, annotator and how many answers came before")
    task_id: Identifier
    annotator: Identifier
    answer: Json
    submitted_at: UtcTime
    replaces: Sha256 | None


def submit(ledger: Ledger, task_id: str, annotator: str, answer: Json, at: datetime) -> Annotation:
    """Answer a task and complete it, claimed or not.

    The annotator's current answer submitted again changes nothing; another one replaces it. A second annotator's
    answer to a completed task stands beside the first.

    Raises:
        NotFoundError: no such task.
        BadInputError: somebody else holds the task, named with the end of the claim; or no JSON value.
    """
    with ledger.write() as connection:
        task = find_task(connection, task_id)
        earlier = _answers_of(connection, task_id, annotator)
        current = earlier[-1] if earlier else None
        if current is not None and canonical_json(current.answer) == canonical_json(answer):
            return current
        refuse_foreign_claim(task, annotator, at)
        annotation_id = sha256_json([task_id, annotator, len(earlier)])
        row: dict[str, Any] = {"annotation_id": annotation_id, "task_id": task_id, "annotator": annotator}
        row |= {"answer": answer, "submitted_at": at, "replaces": current.annotation_id if current else None}
        connection.execute(annotations.insert(), row)
        completed = {"status": "completed", "claimed_by": None, "claim_expires_at": None}
        connection.execute(update(tasks).where(tasks.c.task_id == task_id).values(completed))
        event: TaskEventName = "replaced" if current else "submitted"
        log_events(connection, event, [task_id], annotator, at, annotation_id=annotation_id)
        return _answers_of(connection, task_id, annotator)[-1]


def annotations_for(
    ledger: Ledger, task_ids: Collection[str] | None = None, sequence_upto: int | None = None
) -> list[Annotation]:
    """The answers that count, in the order in which tasks are asked, then by annotator.

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
    return [_annotation(row) for row in sorted(rows, key=lambda row: (row.task_sequence, row.annotator))]


def latest_annotation_sequence(ledger: Ledger) -> int:
    """The highest sequence of an answer, 0 when there is none: pin it, and a snapshot can be taken again."""
    with ledger.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(annotations.c.sequence), 0))).scalar_one())


def _fetch(connection: Connection, query: Select[Any], task_ids: Collection[str] | None) -> list[Row[Any]]:
    if task_ids is None:
        return list(connection.execute(query))
    wanted = chunks(sorted(set(task_ids)))
    return [row for ids in wanted for row in connection.execute(query.where(annotations.c.task_id.in_(ids)))]


def _answers_of(connection: Connection, task_id: str, annotator: str) -> list[Annotation]:
    query = select(annotations).where(annotations.c.task_id == task_id, annotations.c.annotator == annotator)
    return [_annotation(row) for row in connection.execute(query.order_by(annotations.c.sequence))]


def _annotation(row: Row[Any]) -> Annotation:
    return Annotation.model_validate({name: row._mapping[name] for name in annotations.c.keys()})  # noqa: SIM118
