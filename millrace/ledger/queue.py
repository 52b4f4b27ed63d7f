"""The annotation queue: every question once, every task with at most one holder."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select, update

from millrace.errors import BadInputError
from millrace.ledger.schema import tasks
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import (
    Enqueued,
    NewTask,
    Task,
    existing_tasks,
    find_task,
    log_events,
    refuse_foreign_claim,
    task_of_row,
)


def enqueue(ledger: Ledger, proposed: Sequence[NewTask], run_id: str, at: datetime) -> Enqueued:
    """Add the tasks whose question no run has asked yet in their tenant, all in one transaction.

    Tasks are asked in order of enqueuing, and by position, then id, within one call. Of two proposals with the
    same question the one asked first is added.

    Raises:
        BadInputError: a task id that stands for another question.
    """
    with ledger.write() as connection:
        holders = {(row.tenant_id, row.question_key): row for row in existing_tasks(connection, proposed)}
        questions = {row.task_id: question for question, row in holders.items()}
        held = {question: (row.task_id, row.run_id) for question, row in holders.items()}
        rows = []
        for task in sorted(proposed, key=lambda task: (task.position, task.task_id)):
            question = (task.tenant_id, task.question_key)
            if questions.setdefault(task.task_id, question) != question:
                raise BadInputError(f"task id {task.task_id} stands for another question", task_id=task.task_id)
            if question not in held:
                held[question] = (task.task_id, run_id)
                rows.append(task.model_dump() | {"run_id": run_id, "status": "pending", "created_at": at})
        if rows:
            connection.execute(tasks.insert(), rows)
        log_events(connection, "enqueued", [row["task_id"] for row in rows], run_id, at)
    return _enqueued(proposed, held, run_id)


def claim_next(
    ledger: Ledger, annotator: str, now: datetime, expires_at: datetime, run_id: str | None = None
) -> Task | None:
    """Take the next task for an annotator.

    The annotator's own unexpired claim comes first, prolonged to ``expires_at`` if that is later; then the
    earliest task that is pending or whose claim has ended by ``now``.

    Args:
        run_id: only tasks that this run proposed; None for all.

    Returns:
        The task, claimed; None when nothing is left to claim.

    Raises:
        BadInputError: the claim would end before it begins.
    """
    if expires_at <= now:
        raise BadInputError(f"a claim at {now.isoformat()} cannot end at {expires_at.isoformat()}")
    with ledger.write() as connection:
        own = _first(connection, select(tasks).where(tasks.c.claimed_by == annotator, _running(now)), run_id)
        if own is not None:
            return _renewed(connection, own, now, expires_at)
        free = _first(connection, select(tasks).where(or_(tasks.c.status == "pending", _ended(now))), run_id)
        return None if free is None else _claimed(connection, free, annotator, now, expires_at)


def release(ledger: Ledger, task_id: str, annotator: str, at: datetime) -> Task:
    """Give a claimed task back; nothing happens when the annotator does not hold it any more.

    Raises:
        NotFoundError: no such task.
        BadInputError: somebody else holds it.
    """
    with ledger.write() as connection:
        task = find_task(connection, task_id)
        refuse_foreign_claim(task, annotator, at)
        if task.status != "claimed" or task.claimed_by != annotator:
            return task
        _leave(connection, task_id, "pending")
        log_events(connection, "released", [task_id], annotator, at)
        return find_task(connection, task_id)


def skip(ledger: Ledger, task_id: str, annotator: str, reason: str, at: datetime) -> Task:
    """Put a task aside without an answer; an answer submitted later still completes it.

    Raises:
        NotFoundError: no such task.
        BadInputError: somebody else holds it, or it is answered.
    """
    with ledger.write() as connection:
        task = find_task(connection, task_id)
        refuse_foreign_claim(task, annotator, at)
        if task.status == "completed":
            raise BadInputError(f"task {task_id} is answered already; submit another answer to change it")
        if task.status == "skipped":
            return task
        _leave(connection, task_id, "skipped")
        log_events(connection, "skipped", [task_id], annotator, at, reason=reason)
        return find_task(connection, task_id)


def _enqueued(proposed: Sequence[NewTask], held: Mapping[tuple[str, str], tuple[str, str]], run_id: str) -> Enqueued:
    added: dict[str, None] = {}  # dicts as ordered sets
    already_asked: dict[str, None] = {}
    for task in proposed:
        holder, owner = held[task.tenant_id, task.question_key]
        mine = (holder, owner) == (task.task_id, run_id)
        (added if mine else already_asked)[holder] = None
    return Enqueued(added=list(added), already_asked=list(already_asked))


def _claimed(connection: Connection, task: Task, annotator: str, now: datetime, expires_at: datetime) -> Task:
    claim = {"status": "claimed", "claimed_by": annotator, "claim_expires_at": expires_at}
    connection.execute(update(tasks).where(tasks.c.task_id == task.task_id).values(claim))
    lapsed = {} if task.claimed_by is None else {"lapsed_claim_of": task.claimed_by}
    log_events(connection, "claimed", [task.task_id], annotator, now, until=expires_at.isoformat(), **lapsed)
    return find_task(connection, task.task_id)


def _renewed(connection: Connection, task: Task, now: datetime, expires_at: datetime) -> Task:
    if task.claim_expires_at is not None and task.claim_expires_at >= expires_at:
        return task
    connection.execute(update(tasks).where(tasks.c.task_id == task.task_id).values(claim_expires_at=expires_at))
    log_events(connection, "renewed", [task.task_id], str(task.claimed_by), now, until=expires_at.isoformat())
    return find_task(connection, task.task_id)


def _running(now: datetime) -> Any:
    return (tasks.c.status == "claimed") & (tasks.c.claim_expires_at > now)


def _ended(now: datetime) -> Any:
    return (tasks.c.status == "claimed") & (tasks.c.claim_expires_at <= now)


def _first(connection: Connection, query: Select[Any], run_id: str | None) -> Task | None:
    if run_id is not None:
        query = query.where(tasks.c.run_id == run_id)
    row = connection.execute(query.order_by(tasks.c.sequence).limit(1)).one_or_none()
    return None if row is None else task_of_row(row)


def _leave(connection: Connection, task_id: str, status: str) -> None:
    freed = {"status": status, "claimed_by": None, "claim_expires_at": None}
    connection.execute(update(tasks).where(tasks.c.task_id == task_id).values(freed))
