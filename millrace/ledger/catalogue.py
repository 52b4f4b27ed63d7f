"""The catalogue: every dataset with its time range and tenants, in order of registration.

"Last week's traces" becomes explicit content hashes here, once per run; what is registered later has a higher
sequence and belongs to a later run.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError
from millrace.ledger.schema import dataset_tenants, datasets, tombstones
from millrace.ledger.store import Ledger, insert_new
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime


class CatalogueEntry(Record):
    """One registered dataset; ``time_from`` and ``time_to`` are its first and last row's times, or both None."""

    sequence: int
    ref: DatasetRef
    time_from: UtcTime | None
    time_to: UtcTime | None
    tenants: list[str]
    run_id: Identifier
    registered_at: UtcTime
    buried_reason: str | None


def register(
    ledger: Ledger,
    ref: DatasetRef,
    *,
    time_from: datetime | None,
    time_to: datetime | None,
    tenants: Iterable[str],
    run_id: str,
    at: datetime,
) -> int:
    """Enter a dataset, unless its kind and content hash are there already: then the first entry stays.

    Args:
        time_from, time_to: times of the first and of the last row, both inclusive; both None for a dataset
            without a time range, which no window ever matches.

    Returns:
        The entry's sequence: 1 or more, growing in order of registration, with gaps.

    Raises:
        BadInputError: half a time range, or one that ends before it begins.
    """
    if (time_from is None) != (time_to is None):
        raise BadInputError(f"{ref.name} has half a time range: give both ends or none")
    if time_from is not None and time_to is not None and time_to < time_from:
        raise BadInputError(f"{ref.name} ends before it begins: {time_from.isoformat()} to {time_to.isoformat()}")
    same = (datasets.c.kind == ref.kind) & (datasets.c.content_hash == ref.content_hash)
    with ledger.write() as connection:
        known = connection.execute(select(datasets.c.sequence).where(same)).scalar()
        if known is not None:
            return int(known)
        row = ref.model_dump() | {"time_from": time_from, "time_to": time_to, "run_id": run_id, "registered_at": at}
        connection.execute(datasets.insert(), row)
        sequence = int(connection.execute(select(datasets.c.sequence).where(same)).scalar_one())
        named = [{"sequence": sequence, "tenant_id": tenant} for tenant in sorted(set(tenants))]
        insert_new(connection, dataset_tenants, named)
        return sequence


def resolve_window(
    ledger: Ledger,
    kind: str,
    start: datetime,
    end: datetime,
    *,
    tenants: Collection[str] | None = None,
    sequence_upto: int | None = None,
) -> list[CatalogueEntry]:
    """The datasets of a kind that may hold rows in [start, end), by sequence; buried ones are left out.

    Args:
        tenants: only datasets that hold one of these; None for all.
        sequence_upto: only entries up to this sequence, inclusive; None for all.
    """
    query = _entries().where(datasets.c.kind == kind, datasets.c.time_from < end, datasets.c.time_to >= start)
    query = query.where(tombstones.c.content_hash.is_(None))
    if sequence_upto is not None:
        query = query.where(datasets.c.sequence <= sequence_upto)
    with ledger.read() as connection:
        entries = _fetch(connection, query)
    return [entry for entry in entries if tenants is None or set(tenants) & set(entry.tenants)]


def companions_of(ledger: Ledger, traces: Collection[DatasetRef], kind: str) -> list[DatasetRef]:
    """Datasets of a kind from the runs that brought these traces in, by sequence; buried ones are left out."""
    imported = select(datasets.c.run_id).where(
        datasets.c.kind == "traces", datasets.c.content_hash.in_([ref.content_hash for ref in traces])
    )
    query = _entries().where(datasets.c.kind == kind, datasets.c.run_id.in_(imported))
    with ledger.read() as connection:
        return [entry.ref for entry in _fetch(connection, query.where(tombstones.c.content_hash.is_(None)))]


def latest_sequence(ledger: Ledger) -> int:
    """The highest sequence in the catalogue, 0 when it is empty."""
    with ledger.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(datasets.c.sequence), 0))).scalar_one())


def find(ledger: Ledger, hash_prefix: str) -> list[CatalogueEntry]:
    """The datasets whose content hash starts so, by sequence, buried ones too; empty when there are none.

    Raises:
        BadInputError: not 1 to 64 lower-case hex digits.
    """
    if not 1 <= len(hash_prefix) <= 64 or set(hash_prefix) - set("0123456789abcdef"):
        raise BadInputError(f"not the beginning of a content hash: {hash_prefix!r}; use 1 to 64 lower-case hex digits")
    with ledger.read() as connection:
        return _fetch(connection, _entries().where(datasets.c.content_hash.startswith(hash_prefix)))


def bury(ledger: Ledger, content_hash: str, reason: str, at: datetime) -> None:
    """Leave a tombstone: no window, subject or cache leads to this content again. The first reason stays."""
    with ledger.write() as connection:
        insert_new(connection, tombstones, [{"content_hash": content_hash, "reason": reason, "buried_at": at}])


def is_buried(ledger: Ledger, content_hash: str) -> bool:
    """Whether a tombstone stands for this content."""
    with ledger.read() as connection:
        query = select(tombstones.c.content_hash).where(tombstones.c.content_hash == content_hash)
        return connection.execute(query).first() is not None


def _entries() -> Select[Any]:
    joined = datasets.outerjoin(tombstones, tombstones.c.content_hash == datasets.c.content_hash)
    buried_reason = tombstones.c.reason.label("buried_reason")
    return select(datasets, buried_reason).select_from(joined).order_by(datasets.c.sequence)


def _fetch(connection: Connection, query: Select[Any]) -> list[CatalogueEntry]:
    rows = [dict(row._mapping) for row in connection.execute(query)]
    named = query.with_only_columns(datasets.c.sequence).order_by(None).subquery()
    held = select(dataset_tenants).join(named, named.c.sequence == dataset_tenants.c.sequence)
    tenants: dict[int, list[str]] = {row["sequence"]: [] for row in rows}
    for row in connection.execute(held):
        tenants[row.sequence].append(row.tenant_id)
    return [_entry(row, sorted(tenants[row["sequence"]])) for row in rows]


def _entry(row: dict[str, Any], tenants: list[str]) -> CatalogueEntry:
    ref = DatasetRef(kind=row.pop("kind"), content_hash=row.pop("content_hash"), rows=row.pop("rows"))
    return CatalogueEntry(ref=ref, tenants=tenants, **row)
