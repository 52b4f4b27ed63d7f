"""Annotation tasks as rows: what is put in the queue, what stands there, and everything that happened to it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Row, Select, distinct, func, select

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.schema import Json, TaskStatus, annotations, claims, task_events
from millrace.ledger.schema import tasks as task_table
from millrace.ledger.store import Ledger, chunks
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime

TaskEventName = Literal["enqueued", "claimed", "renewed", "released", "submitted", "replaced", "skipped", "adjudicated"]


class NewTask(Record):
    """A question to annotators; ``question_key`` is the same whenever the same question is meant."""

    task_id: Identifier
    question_key: Identifier
    tenant_id: Identifier
    position: int = Field(ge=0, description="Rank among the tasks enqueued with it; lower is asked earlier")
    payload: Json
    n_annotators: int = Field(1, ge=1, description="How many different people are to answer it")


class Claim(Record):
    """Who holds a task until when."""

    annotator: Identifier
    expires_at: UtcTime


class Task(Record):
    """A task as it stands; ``sequence`` is the order in which tasks are asked.

    ``pending``: it wants answers and nobody holds it; ``claimed``: it wants answers and has claims; ``completed``:
    ``n_annotators`` people answered; ``skipped``: put aside for everybody, until that many answered all the same. A
    claim past its end stays until the task is taken again.
    """

    sequence: int
    task_id: Identifier
    question_key: Identifier
    tenant_id: Identifier
    run_id: Identifier
    position: int
    payload: Json
    status: TaskStatus
    created_at: UtcTime
    n_annotators: int = 1
    n_answers: int = Field(0, ge=0, description="People who answered; adjudications are not counted")
    claims: list[Claim] = Field([], description="Those that stand, earliest end first")

    @property
    def claimed_by(self) -> str | None:
        """Holder of the first of the claims."""
        return self.claims[0].annotator if self.claims else None

    @property
    def claim_expires_at(self) -> datetime | None:
        """End of the first of the claims."""
        return self.claims[0].expires_at if self.claims else None

    def held_by(self, annotator: str, now: datetime) -> bool:
        """Whether the annotator's claim lasts beyond ``now``."""
        return any(claim.annotator == annotator and claim.expires_at > now for claim in self.claims)


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
    query = task_rows().order_by(task_table.c.sequence)
    held = select(claims).join(task_table).order_by(claims.c.expires_at, claims.c.annotator)
    if run_id is not None:
        query, held = (each.where(task_table.c.run_id == run_id) for each in (query, held))
    if status is not None:
        query = query.where(task_table.c.status == status)
    with ledger.read() as connection:
        rows = connection.execute(query).all()
        standing = _claims_by_task(connection, held)
    return [_task(row, standing.get(row.task_id, [])) for row in rows]


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


def task_rows() -> Select[Any]:
    """The query for tasks with ``n_answers``; narrow it down, then read it with :func:`task_of_row`."""
    answers = answers_given(distinct(annotations.c.annotator)).scalar_subquery()
    return select(task_table, answers.label("n_answers"))


def answers_given(counted: Any) -> Select[Any]:
    """The query for how many answers, adjudications apart, each task of an enclosing query has."""
    own = annotations.c.task_id == task_table.c.task_id
    return select(func.count(counted)).where(own, ~annotations.c.adjudicates).correlate(task_table)


def find_task(connection: Connection, task_id: str) -> Task:
    """The task of that id, inside a transaction.

    Raises:
        NotFoundError: no such task.
    """
    row = connection.execute(task_rows().where(task_table.c.task_id == task_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"no annotation task {task_id}", task_id=task_id)
    return task_of_row(connection, row)


def log_events(
    connection: Connection, event: TaskEventName, task_ids: Sequence[str], actor: str, at: datetime, **details: Json
) -> None:
    """Append one line per task to the audit trail, in the transaction of the change itself."""
    rows = [{"task_id": task_id, "event": event, "actor": actor, "at": at, "details": details} for task_id in task_ids]
    if rows:
        connection.execute(task_events.insert(), rows)


def refuse_taken(task: Task, annotator: str, now: datetime, n_wanted: int) -> None:
    """Leave a task to those who hold it, where they and those who answered are ``n_wanted`` people already.

    Raises:
        BadInputError: so it is, and the annotator is not among those who hold it.
    """
    others = [claim for claim in task.claims if claim.expires_at > now and claim.annotator != annotator]
    if not others or task.held_by(annotator, now) or task.n_answers + len(others) < n_wanted:
        return
    names = " and ".join(claim.annotator for claim in others)
    raise BadInputError(
        f"task {task.task_id} is claimed by {names} until {others[0].expires_at.isoformat(timespec='seconds')}",
        task_id=task.task_id,
        claimed_by=names,
        claim_expires_at=others[0].expires_at,
    )


def existing_tasks(connection: Connection, proposed: Sequence[NewTask]) -> Iterator[Row[Any]]:
    """Rows that share a question key (of whatever tenant) or an id with a proposed task; some come twice."""
    columns = (task_table.c.task_id, task_table.c.tenant_id, task_table.c.question_key, task_table.c.run_id)
    for keys in chunks({task.question_key: None for task in proposed}):
        yield from connection.execute(select(*columns).where(task_table.c.question_key.in_(keys)))
    for ids in chunks({task.task_id: None for task in proposed}):
        yield from connection.execute(select(*columns).where(task_table.c.task_id.in_(ids)))


def task_of_row(connection: Connection, row: Row[Any]) -> Task:
    """A task from a row of :func:`task_rows`, with its claims."""
    held = select(claims).where(claims.c.task_id == row.task_id).order_by(claims.c.expires_at, claims.c.annotator)
    return _task(row, _claims_by_task(connection, held).get(row.task_id, []))


def _claims_by_task(connection: Connection, query: Select[Any]) -> dict[str, list[Claim]]:
    found: dict[str, list[Claim]] = {}
    for row in connection.execute(query):
        found.setdefault(row.task_id, []).append(Claim(annotator=row.annotator, expires_at=row.expires_at))
    return found


def _task(row: Row[Any], standing: list[Claim]) -> Task:
    return Task.model_validate(dict(row._mapping) | {"claims": standing})
