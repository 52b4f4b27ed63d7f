"""Annotation tasks as rows: what is put in the queue, what stands there, and everything that happened to it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Row, func, select

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.schema import Json, TaskStatus, task_events
from millrace.ledger.schema import tasks as task_table
from millrace.ledger.store import Ledger, chunks
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime

TaskEventName = Literal["enqueued", "claimed", "renewed", "released", "submitted", "replaced", "skipped"]


class NewTask(Record):
    """A question to annotators; ``question_key`` is the same whenever the same question is meant."""

    task_id: Identifier
    question_key: Identifier
    tenant_id: Identifier
    position: int = Field(ge=0, description="Rank among the tasks enqueued with it; lower is asked earlier")
    payload: Json


class Task(Record):
    """A task as it stands; ``sequence`` is the order in which tasks are asked.

    A claim past ``claim_expires_at`` keeps the status ``claimed`` until somebody else takes the task.
    """

    sequence: int
    task_id: Identifier
    question_key: Identifier
    tenant_id: Identifier
    run_id: Identifier
    position: int
    payload: Json
    status: TaskStatus
    claimed_by: str | None
    claim_expires_at: UtcTime | None
    created_at: UtcTime


class TaskCounts(Record):
    """Numbers of tasks by status."""

    pending: int = 0
    claimed: int = 0
    completed: int = 0
    skipped: int = 0

    @property
    def open(self) -> int:
        """Tasks that still want an answer."""
        return self.pending + self.claimed


class TaskEvent(Record):
    """One line of the queue's audit trail."""

    sequence: int
    task_id: Identifier
    event: TaskEventName
    actor: str
    at: UtcTime
    details: dict[str, Json]


class Enqueued(Record):
    """What became of proposed tasks: ids in proposed order, each once.

    ``added`` are this run's own tasks, also when an earlier attempt of the run added them: run again after a
    crash, the answer is the same. ``already_asked`` are the ids of the tasks that hold the same question.
    """

    added: list[str]
    already_asked: list[str]


def tasks(ledger: Ledger, run_id: str | None = None, status: TaskStatus | None = None) -> list[Task]:
    """Tasks of a run and a status, or of all, in the order in which they are asked."""
    query = select(task_table).order_by(task_table.c.sequence)
    if run_id is not None:
        query = query.where(task_table.c.run_id == run_id)
    if status is not None:
        query = query.where(task_table.c.status == status)
    with ledger.read() as connection:
        return [task_of_row(row) for row in connection.execute(query)]


def counts(ledger: Ledger, run_id: str | None = None) -> TaskCounts:
    """How many tasks of a run, or of all, have each status."""
    query = select(task_table.c.status, func.count().label("n_tasks")).group_by(task_table.c.status)
    if run_id is not None:
        query = query.where(task_table.c.run_id == run_id)
    with ledger.read() as connection:
        rows = connection.execute(query).all()
    return TaskCounts.model_validate({row.status: row.n_tasks for row in rows})


def task_history(ledger: Ledger, task_id: str | None = None) -> list[TaskEvent]:
    """What happened to a task, or to all, in order; empty for an unknown one."""
    query = select(task_events).order_by(task_events.c.sequence)
    if task_id is not None:
        query = query.where(task_events.c.task_id == task_id)
    with ledger.read() as connection:
        return [TaskEvent.model_validate(dict(row._mapping)) for row in connection.execute(query)]


def find_task(connection: Connection, task_id: str) -> Task:
    """The task of that id, inside a transaction.

    Raises:
        NotFoundError: no such task.
    """
    row = connection.execute(select(task_table).where(task_table.c.task_id == task_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"no annotation task {task_id}", task_id=task_id)
    return task_of_row(row)


def log_events(
    connection: Connection, event: TaskEventName, task_ids: Sequence[str], actor: str, at: datetime, **details: Json
) -> None:
    """Append one line per task to the audit trail, in the transaction of the change itself."""
    rows = [{"task_id": task_id, "event": event, "actor": actor, "at": at, "details": details} for task_id in task_ids]
    if rows:
        connection.execute(task_events.insert(), rows)


def refuse_foreign_claim(task: Task, annotator: str, now: datetime) -> None:
    """Leave a task to whoever holds it.

    Raises:
        BadInputError: somebody else's claim lasts beyond ``now``.
    """
    if task.status != "claimed" or task.claimed_by == annotator or task.claim_expires_at is None:
        return
    if task.claim_expires_at > now:
        until = task.claim_expires_at.isoformat(timespec="seconds")
        raise BadInputError(
            f"task {task.task_id} is claimed by {task.claimed_by} until {until}",
            task_id=task.task_id,
            claimed_by=task.claimed_by,
            claim_expires_at=task.claim_expires_at,
        )


def existing_tasks(connection: Connection, proposed: Sequence[NewTask]) -> Iterator[Row[Any]]:
    """Rows that share a question key (of whatever tenant) or an id with a proposed task; some come twice."""
    columns = (task_table.c.task_id, task_table.c.tenant_id, task_table.c.question_key, task_table.c.run_id)
    for keys in chunks({task.question_key: None for task in proposed}):
        yield from connection.execute(select(*columns).where(task_table.c.question_key.in_(keys)))
    for ids in chunks({task.task_id: None for task in proposed}):
        yield from connection.execute(select(*columns).where(task_table.c.task_id.in_(ids)))


def task_of_row(row: Row[Any]) -> Task:
    """A task from a row of its table."""
    return Task.model_validate(dict(row._mapping))
