"""The annotation queue: every question once, every task with no more holders than answers that it still wants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, distinct, exists, func, or_, select, update

from millrace.errors import BadInputError
from millrace.ledger.schema import TaskStatus, annotations, claims, tasks
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import (
    Claim,
    Enqueued,
    NewTask,
    Task,
    answers_given,
    existing_tasks,
    find_task,
    log_events,
    refuse_taken,
    task_of_row,
    task_rows,
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

    The annotator's own unexpired claim comes first, prolonged to ``expires_at`` if that is later; then the earliest
    open task that wants more answers than it has answers and running claims, and that the annotator did not answer.

    Args:
        run_id: only tasks that this run proposed; None for all.

    Returns:
        The task with the annotator's own claim alone: whoever else is asked works unseen. None when nothing is left
        to claim.

    Raises:
        BadInputError: the claim would end before it begins.
    """
    if expires_at <= now:
        raise BadInputError(f"a claim at {now.isoformat()} cannot end at {expires_at.isoformat()}")
    with ledger.write() as connection:
        own = _first(connection, task_rows().where(_running_claim(annotator, now)), run_id)
        if own is not None:
            claim = _renewed(connection, own, annotator, now, expires_at)
        else:
            own = _first(connection, task_rows().where(*_free_for(annotator, now)), run_id)
            if own is None:
                return None
            claim = _claimed(connection, own, annotator, now, expires_at)
        return find_task(connection, own.task_id).model_copy(update={"claims": [claim]})


def tasks_for(ledger: Ledger, annotator: str, now: datetime, run_id: str | None = None) -> list[Task]:
    """The open tasks that the annotator holds or could claim, in the order in which they are asked."""
    query = task_rows().where(or_(_running_claim(annotator, now), and_(*_free_for(annotator, now))))
    if run_id is not None:
        query = query.where(tasks.c.run_id == run_id)
    with ledger.read() as connection:
        rows = connection.execute(query.order_by(tasks.c.sequence)).all()
        return [task_of_row(connection, row) for row in rows]


def release(ledger: Ledger, task_id: str, annotator: str, at: datetime) -> Task:
    """Give a claimed task back; nothing happens when the annotator does not hold it any more.

    Raises:
        NotFoundError: no such task.
        BadInputError: others hold it.
    """
    with ledger.write() as connection:
        task = find_task(connection, task_id)
        refuse_taken(task, annotator, at, task.n_annotators)
        if annotator not in {claim.annotator for claim in task.claims}:
            return task
        log_events(connection, "released", [task_id], annotator, at)
        return give_up(connection, task, annotator)


def skip(ledger: Ledger, task_id: str, annotator: str, reason: str, at: datetime) -> Task:
    """Put a task aside for everybody; answers that it has are kept, and later ones still complete it.

    Raises:
        NotFoundError: no such task.
        BadInputError: others hold it, or it is answered.
    """
    with ledger.write() as connection:
        task = find_task(connection, task_id)
        refuse_taken(task, annotator, at, 1)  # it is put aside for others too: one who holds it has the say
        if task.status == "completed":
            raise BadInputError(f"task {task_id} is answered already; submit another answer to change it")
        if task.status == "skipped":
            return task
        _leave(connection, task_id, "skipped")
        log_events(connection, "skipped", [task_id], annotator, at, reason=reason)
        return find_task(connection, task_id)


def give_up(connection: Connection, task: Task, annotator: str) -> Task:
    """End the annotator's claim, if there is one, and bring the status of the task in line with what stands."""
    connection.execute(delete(claims).where(claims.c.task_id == task.task_id, claims.c.annotator == annotator))
    task = find_task(connection, task.task_id)
    if task.n_answers >= task.n_annotators:
        _leave(connection, task.task_id, "completed")
    elif task.status != "skipped":
        _set_status(connection, task.task_id, "claimed" if task.claims else "pending")
    return find_task(connection, task.task_id)


def _enqueued(proposed: Sequence[NewTask], held: Mapping[tuple[str, str], tuple[str, str]], run_id: str) -> Enqueued:
    added: dict[str, None] = {}  # dicts as ordered sets
    already_asked: dict[str, None] = {}
    for task in proposed:
        holder, owner = held[task.tenant_id, task.question_key]
        mine = (holder, owner) == (task.task_id, run_id)
        (added if mine else already_asked)[holder] = None
    return Enqueued(added=list(added), already_asked=list(already_asked))


def _claimed(connection: Connection, task: Task, annotator: str, now: datetime, expires_at: datetime) -> Claim:
    ended = sorted(claim.annotator for claim in task.claims if claim.expires_at <= now)
    connection.execute(delete(claims).where(claims.c.task_id == task.task_id, claims.c.expires_at <= now))
    row = {"task_id": task.task_id, "annotator": annotator, "expires_at": expires_at}
    connection.execute(claims.insert(), row)
    _set_status(connection, task.task_id, "claimed")
    lapsed = {"lapsed_claim_of": ", ".join(ended)} if ended else {}
    log_events(connection, "claimed", [task.task_id], annotator, now, until=expires_at.isoformat(), **lapsed)
    return Claim(annotator=annotator, expires_at=expires_at)


def _renewed(connection: Connection, task: Task, annotator: str, now: datetime, expires_at: datetime) -> Claim:
    standing = next(claim for claim in task.claims if claim.annotator == annotator)
    if standing.expires_at >= expires_at:
        return standing
    own = (claims.c.task_id == task.task_id, claims.c.annotator == annotator)
    connection.execute(update(claims).where(*own).values(expires_at=expires_at))
    log_events(connection, "renewed", [task.task_id], annotator, now, until=expires_at.isoformat())
    return Claim(annotator=annotator, expires_at=expires_at)


def _running_claim(annotator: str, now: datetime) -> Any:
    held = select(claims.c.task_id).where(claims.c.annotator == annotator, claims.c.expires_at > now)
    return tasks.c.task_id.in_(held)


def _free_for(annotator: str, now: datetime) -> tuple[Any, ...]:
    of_task = annotations.c.task_id == tasks.c.task_id
    answered = exists().where(of_task, annotations.c.annotator == annotator, ~annotations.c.adjudicates)
    running = (claims.c.task_id == tasks.c.task_id) & (claims.c.expires_at > now)
    n_held = select(func.count()).select_from(claims).where(running).correlate(tasks).scalar_subquery()
    n_answers = answers_given(distinct(annotations.c.annotator)).scalar_subquery()
    is_open = tasks.c.status.in_(["pending", "claimed"])
    return is_open, ~answered, n_answers + n_held < tasks.c.n_annotators


def _first(connection: Connection, query: Select[Any], run_id: str | None) -> Task | None:
    if run_id is not None:
        query = query.where(tasks.c.run_id == run_id)
    row = connection.execute(query.order_by(tasks.c.sequence).limit(1)).one_or_none()
    return None if row is None else task_of_row(connection, row)


def _leave(connection: Connection, task_id: str, status: TaskStatus) -> None:
    connection.execute(delete(claims).where(claims.c.task_id == task_id))
    _set_status(connection, task_id, status)


def _set_status(connection: Connection, task_id: str, status: TaskStatus) -> None:
    connection.execute(update(tasks).where(tasks.c.task_id == task_id).values(status=status))
