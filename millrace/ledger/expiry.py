"""What grows old in the ledger, and letting go of rows past their time. Only retention asks this."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import String, Table, and_, cast, delete, func, or_, select

from millrace.ledger.schema import Json, alerts, datasets, effects, pins, pointer_history, requests, tasks
from millrace.ledger.store import Ledger
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime

AgingTable = Literal["requests", "alerts"]
_AGING: dict[AgingTable, tuple[Table, Any, Any]] = {
    "requests": (requests, requests.c.replied_at, requests.c.text),
    "alerts": (alerts, alerts.c.fired_at, alerts.c.alert),
}
_VERSIONED = "golden/"  # every version that a golden dataset ever had is read when the next is made


class Catalogued(Record):
    """A registered dataset as far as its age is concerned; buried ones too."""

    kind: str
    content_hash: str
    rows: int
    time_to: UtcTime | None
    run_id: Identifier
    registered_at: UtcTime


class OldRows(Record):
    """How many rows of a table are older than a moment, and how much text they hold."""

    n_rows: int
    n_bytes: int
    n_kept: int


def catalogued(ledger: Ledger) -> list[Catalogued]:
    """Every dataset that was ever registered, in order of registration."""
    columns = [datasets.c[name] for name in Catalogued.model_fields]
    with ledger.read() as connection:
        rows = connection.execute(select(*columns).order_by(datasets.c.sequence))
        return [Catalogued.model_validate(dict(row._mapping)) for row in rows]


def pointed_values(ledger: Ledger) -> dict[str, list[Json]]:
    """What pointers point to, by name; of golden datasets every version there ever was."""
    latest = select(func.max(pointer_history.c.sequence)).group_by(pointer_history.c.name)
    versioned = pointer_history.c.name.startswith(_VERSIONED, autoescape=True)
    query = select(pointer_history.c.name, pointer_history.c.value)
    query = query.where(or_(pointer_history.c.sequence.in_(latest), versioned))
    found: dict[str, list[Json]] = {}
    with ledger.read() as connection:
        for row in connection.execute(query.order_by(pointer_history.c.name, pointer_history.c.sequence)):
            found.setdefault(row.name, []).append(row.value)
    return found


def values_of_run(ledger: Ledger, run_id: str) -> list[Json]:
    """Everything that a run pinned or that its effects gave out."""
    queries = [
        select(pins.c.value).where(pins.c.run_id == run_id),
        select(effects.c.result).where(effects.c.run_id == run_id),
    ]
    with ledger.read() as connection:
        return [value for query in queries for value in connection.execute(query).scalars()]


def open_task_values(ledger: Ledger) -> list[Json]:
    """What the annotation tasks hold that nobody has answered yet."""
    query = select(tasks.c.payload).where(tasks.c.status.in_(("pending", "claimed")))
    with ledger.read() as connection:
        return list(connection.execute(query).scalars())


def old_rows(ledger: Ledger, table: AgingTable, before: datetime, kept_runs: Collection[str]) -> OldRows:
    """What :func:`delete_old_rows` would delete; ``n_kept`` are as old and of the runs that are kept."""
    aging, moment, text = _AGING[table]
    size = func.coalesce(func.sum(func.length(cast(text, String))), 0)
    with ledger.read() as connection:
        gone = connection.execute(select(func.count(), size).select_from(aging).where(_old(table, before, kept_runs)))
        n_rows, n_bytes = gone.one()
        n_old = connection.execute(select(func.count()).select_from(aging).where(moment < before)).scalar_one()
    return OldRows(n_rows=n_rows, n_bytes=n_bytes, n_kept=n_old - n_rows)


def delete_old_rows(ledger: Ledger, table: AgingTable, before: datetime, kept_runs: Collection[str]) -> int:
    """Delete the rows from before a moment but those of the runs that are kept; returns how many there were."""
    with ledger.write() as connection:
        return connection.execute(delete(_AGING[table][0]).where(_old(table, before, kept_runs))).rowcount


def _old(table: AgingTable, before: datetime, kept_runs: Collection[str]) -> Any:
    aging, moment, _ = _AGING[table]
    return and_(moment < before, aging.c.run_id.not_in(sorted(kept_runs)))
