"""The audit log's rows as they are stored, for those who do not take it for granted that an append wrote them."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, String, select, type_coerce

from millrace.ledger.schema import audit_log
from millrace.ledger.store import Ledger
from millrace.records.governance import AuditAction

StoredRow = dict[str, Any]
"""A column's name to whatever lies there: of an append whole numbers for sequence and time, text for the rest."""

_BATCH = 1_000
_NUMBERS = ("sequence", "at")


def stored_rows(ledger: Ledger, *, after: int = 0) -> Iterator[StoredRow]:
    """Every row behind a sequence, in order of sequence and fetched in batches; those before 1 too by default.

    Bytes that are not UTF-8 come as lone surrogates. One transaction reads all, so that it sees one moment's log.
    """
    columns = [_raw(column) for column in audit_log.columns]
    query = select(*columns).order_by(audit_log.c.sequence)
    if after > 0:
        query = query.where(audit_log.c.sequence > after)
    with ledger.read() as connection:
        restore = _lenient(connection)
        try:
            for batch in connection.execution_options(yield_per=_BATCH).execute(query).partitions():
                yield from (dict(row._mapping) for row in batch)
        finally:
            restore()


def hash_at(ledger: Ledger, sequence: int) -> str | None:
    """The hash that is stored under a sequence; None where there is no such entry."""
    with ledger.read() as connection:
        found = connection.execute(select(audit_log.c.hash).where(audit_log.c.sequence == sequence)).scalar()
    return None if found is None else str(found)


def details_told(ledger: Ledger, action: AuditAction, subject: str) -> list[Any]:
    """The details of what was told of a subject under this action, in order."""
    query = select(audit_log.c.details).where(audit_log.c.action == action, audit_log.c.subject == subject)
    with ledger.read() as connection:
        return list(connection.execute(query.order_by(audit_log.c.sequence)).scalars())


def _raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as it lies there, without what the ledger makes of it."""
    named = column.key in _NUMBERS
    return (type_coerce(column, Integer()) if named else type_coerce(column, String())).label(column.key)


def _lenient(connection: Connection) -> Any:
    """Let SQLite's driver give text that is not UTF-8 instead of failing; returns how to undo it."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        return lambda: None
    before = driver.text_factory
    driver.text_factory = lambda raw: raw.decode(errors="surrogateescape")

    def restore() -> None:
        driver.text_factory = before

    return restore
