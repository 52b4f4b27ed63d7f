"""Requests to delete a person's data, and what an erasure changes in the ledger's other tables."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, and_, delete, select, update
from sqlalchemy.exc import OperationalError

from millrace.datasets.manifest import DatasetRef
from millrace.errors import NotFoundError
from millrace.ledger import catalogue
from millrace.ledger.schema import (
    ErasureStatus,
    SubjectType,
    alerts,
    annotations,
    approvals,
    claims,
    dataset_tenants,
    datasets,
    effects,
    erasure_requests,
    pins,
    pointer_history,
    requests,
    runs,
    subjects,
    task_events,
    tasks,
)
from millrace.ledger.store import Ledger, chunks, insert_new
from millrace.records.base import Identifier, Record, Sha256
from millrace.records.trace import UtcTime

# Everything in the ledger that steps or people wrote as prose or JSON, beside tasks and annotations.
PROSE: dict[Table, tuple[str, ...]] = {
    runs: ("config",),
    pins: ("value",),
    effects: ("result",),
    approvals: ("title", "markdown", "note"),
    pointer_history: ("value",),
    alerts: ("alert", "problem"),
}


class ErasureRequest(Record):
    """A request, named by its handle; of the person it knows a keyed hash only."""

    handle: Identifier
    subject_type: SubjectType
    subject_hash: Sha256
    tenant_hash: Sha256 | None
    requested_by: Identifier
    requested_at: UtcTime
    status: ErasureStatus
    run_id: str | None
    finished_at: UtcTime | None


class LedgerTask(Record):
    """An annotation task as an erasure looks at it, with the answers of all annotators."""

    task_id: Identifier
    payload: dict[str, Any]
    answers: list[Any]


def add_request(
    ledger: Ledger, handle: str, *, subject_hash: str, tenant_hash: str | None, requested_by: str, at: datetime
) -> ErasureRequest:
    """Note a request; joins the caller's transaction."""
    row = {"handle": handle, "subject_type": "user", "subject_hash": subject_hash, "tenant_hash": tenant_hash}
    row |= {"requested_by": requested_by, "status": "requested"}
    with ledger.write() as connection:
        insert_new(connection, erasure_requests, [row | {"requested_at": at}])
    return request_of(ledger, handle)


def request_of(ledger: Ledger, handle: str) -> ErasureRequest:
    """The request with that handle.

    Raises:
        NotFoundError: no such request.
    """
    with ledger.read() as connection:
        query = select(erasure_requests).where(erasure_requests.c.handle == handle)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"no erasure request {handle!r}; `millrace erase list` lists them", handle=handle)
    return _request(row)


def list_requests(ledger: Ledger) -> list[ErasureRequest]:
    """All requests, the newest first."""
    query = select(erasure_requests).order_by(erasure_requests.c.requested_at.desc(), erasure_requests.c.handle)
    with ledger.read() as connection:
        return [_request(row) for row in connection.execute(query)]


def end_request(ledger: Ledger, handle: str, status: ErasureStatus, run_id: str, at: datetime) -> None:
    """Note how the erasure ended; joins the caller's transaction."""
    values = {"status": status, "run_id": run_id, "finished_at": at}
    with ledger.write() as connection:
        connection.execute(update(erasure_requests).where(erasure_requests.c.handle == handle).values(values))


def ledger_tasks(ledger: Ledger) -> list[LedgerTask]:
    """Every annotation task with what was answered."""
    with ledger.read() as connection:
        given: dict[str, list[Any]] = {}
        for row in connection.execute(select(annotations.c.task_id, annotations.c.answer)):
            given.setdefault(row.task_id, []).append(row.answer)
        return [
            LedgerTask(task_id=row.task_id, payload=row.payload, answers=given.get(row.task_id, []))
            for row in connection.execute(select(tasks.c.task_id, tasks.c.payload))
        ]


def delete_tasks(ledger: Ledger, task_ids: Collection[str]) -> dict[str, int]:
    """Delete annotation tasks with everything about them; rows deleted by table."""
    counts: dict[str, int] = {}
    with ledger.write() as connection:
        for listed in chunks(sorted(task_ids)):
            for table in (claims, annotations, task_events, tasks):
                gone = connection.execute(delete(table).where(table.c.task_id.in_(listed))).rowcount
                counts[table.name] = counts.get(table.name, 0) + gone
    return counts


def delete_requests(ledger: Ledger, run_ids: Collection[str], is_in: Callable[[str], bool]) -> int:
    """Delete replies of models: those that these runs paid for, and those with a text that ``is_in`` says yes to."""
    with ledger.write() as connection:
        query = select(requests.c.key, requests.c.run_id, requests.c.text)
        of_runs = set(run_ids)
        keys = [r.key for r in connection.execute(query) if r.run_id in of_runs or (r.text and is_in(r.text))]
        for listed in chunks(keys):
            connection.execute(delete(requests).where(requests.c.key.in_(listed)))
    return len(keys)


def count_requests(ledger: Ledger, run_ids: Collection[str], is_in: Callable[[str], bool]) -> int:
    """How many replies :func:`delete_requests` would delete."""
    of_runs = set(run_ids)
    with ledger.read() as connection:
        query = select(requests.c.run_id, requests.c.text)
        return sum(row.run_id in of_runs or bool(row.text and is_in(row.text)) for row in connection.execute(query))


def rewrite_prose(ledger: Ledger, change: Callable[[Any], Any]) -> dict[str, int]:
    """Put every value of :data:`PROSE` through ``change``; rows changed by table. Joins the caller's transaction."""
    counts: dict[str, int] = {}
    with ledger.write() as connection:
        for table, names in PROSE.items():
            key = list(table.primary_key.columns)
            for row in connection.execute(select(*key, *(table.c[name] for name in names))).all():
                new = {name: change(row._mapping[name]) for name in names}
                changed = {name: value for name, value in new.items() if value != row._mapping[name]}
                if changed:
                    own = and_(*(column == row._mapping[column.name] for column in key))
                    connection.execute(update(table).where(own).values(changed))
                    counts[table.name] = counts.get(table.name, 0) + 1
    return counts


def prose_values(ledger: Ledger) -> Iterable[tuple[str, Any]]:
    """Every value of :data:`PROSE`, with its table's name."""
    for table, names in PROSE.items():
        with ledger.read() as connection:
            rows = connection.execute(select(*(table.c[name] for name in names))).all()
        for row in rows:
            yield from ((table.name, value) for value in row if value is not None)


def names_given(ledger: Ledger) -> list[str]:
    """What people named themselves: runs, pointers (which name indexes and golden datasets) and tenants."""
    columns = (runs.c.run_id, pointer_history.c.name, dataset_tenants.c.tenant_id)
    with ledger.read() as connection:
        return sorted({name for each in columns for name in connection.execute(select(each)).scalars()})


def repin_undecided(ledger: Ledger, hashes: Mapping[str, str]) -> int:
    """Let what nobody decided yet be asked about the pins as they are now; returns how many approvals moved.

    Args:
        hashes: run id and old pinned hash, as ``run_id/hash``, to the new one.
    """
    moved = 0
    with ledger.write() as connection:
        query = select(approvals.c.run_id, approvals.c.key, approvals.c.pinned_hash)
        for row in connection.execute(query.where(approvals.c.decision.is_(None))).all():
            new = hashes.get(f"{row.run_id}/{row.pinned_hash}")
            if new is not None and new != row.pinned_hash:
                own = (approvals.c.run_id == row.run_id) & (approvals.c.key == row.key)
                connection.execute(update(approvals).where(own).values(pinned_hash=new))
                moved += 1
    return moved


def replace_dataset(
    ledger: Ledger,
    old: DatasetRef,
    new: DatasetRef,
    *,
    subject_hash: str,
    keeps_subject: bool,
    tenants: Iterable[str] | None,
    reason: str,
    at: datetime,
) -> None:
    """Let a successor take the place of a dataset in catalogue and subject index, and bury the old content.

    The successor keeps sequence, run and times of the old: to whoever looks at a window it is not news. The old content
    stays known, under a sequence of its own. Joins the caller's transaction; a second call changes nothing.

    Args:
        keeps_subject: rows of the same user id are left, in another tenant.
        tenants: of the successor's rows; None where its kind has no tenants.
    """
    with ledger.write() as connection:
        same = (datasets.c.kind == old.kind) & (datasets.c.content_hash == old.content_hash)
        row = connection.execute(select(datasets).where(same)).one_or_none()
        taken = (datasets.c.kind == new.kind) & (datasets.c.content_hash == new.content_hash)
        known = connection.execute(select(datasets.c.sequence).where(taken)).one_or_none() is not None
        if row is not None and not known:
            values = dict(row._mapping)
            moved = {"content_hash": new.content_hash, "rows": new.rows}
            connection.execute(update(datasets).where(datasets.c.sequence == row.sequence).values(moved))
            if tenants is not None:
                _set_tenants(connection, row.sequence, tenants)
            del values["sequence"]
            connection.execute(datasets.insert(), values)
        held = connection.execute(
            select(subjects.c.subject_type, subjects.c.subject_hash).where(subjects.c.content_hash == old.content_hash)
        ).all()
        kept = [each for each in held if keeps_subject or each.subject_hash != subject_hash]
        insert_new(connection, subjects, [{**each._mapping, "content_hash": new.content_hash} for each in kept])
        connection.execute(delete(subjects).where(subjects.c.content_hash == old.content_hash))
        catalogue.bury(ledger, old.content_hash, reason, at)


def _set_tenants(connection: Any, sequence: int, tenants: Iterable[str]) -> None:
    connection.execute(delete(dataset_tenants).where(dataset_tenants.c.sequence == sequence))
    insert_new(
        connection, dataset_tenants, [{"sequence": sequence, "tenant_id": each} for each in sorted(set(tenants))]
    )


def forget_subject(ledger: Ledger, content_hash: str, subject_hash: str) -> None:
    """The dataset does not hold the person, though the index said so."""
    own = (subjects.c.content_hash == content_hash) & (subjects.c.subject_hash == subject_hash)
    with ledger.write() as connection:
        connection.execute(delete(subjects).where(own))


def free_deleted_pages(ledger: Ledger) -> str | None:
    """Write the database anew, so that no page keeps what was deleted; why it could not be done, or None.

    PostgreSQL keeps deleted rows until its own VACUUM, and its backups keep them longer: that is the operator's.
    """
    engine = ledger._engine
    if engine.dialect.name != "sqlite":
        return "PostgreSQL keeps deleted rows until VACUUM FULL, and its backups for longer: run it there"
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA query_only=OFF")
        cursor.execute("VACUUM")
        busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.close()
    except (OperationalError, engine.dialect.dbapi.OperationalError) as error:  # type: ignore[union-attr]
        return f"the ledger's free pages could not be written anew: {error}"
    finally:
        raw.close()
    return "the ledger's write-ahead log is still read by another process: end it and run again" if busy else None


def _request(row: Row[Any]) -> ErasureRequest:
    return ErasureRequest.model_validate(dict(row._mapping))
