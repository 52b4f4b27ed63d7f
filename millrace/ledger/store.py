"""Opening the ledger, and its transactions.

One writer at a time, on SQLite (BEGIN IMMEDIATE) as on PostgreSQL (an advisory lock): a rule that is read
and then written about holds until the commit, and sequences grow in the order of commits.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from millrace.ledger.engines import WRITES, engine_of, explained, file_of
from millrace.ledger.migrations import MIGRATIONS, Migration, bring_up_to_date, version_of
from millrace.ledger.schema import SCHEMA_VERSION

_CHUNK = 5_000  # values in one IN list; SQLite allows 32 766 parameters, PostgreSQL 65 535


class Ledger:
    """The transactional store of one home; safe to share between threads, not across a fork."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._current = threading.local()

    @classmethod
    def open(
        cls,
        url_or_path: str | Path,
        *,
        create: bool = True,
        version: int = SCHEMA_VERSION,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> Self:
        """Open, making or migrating the tables where needed.

        Args:
            url_or_path: path of a SQLite file, or an SQLAlchemy URL of SQLite or PostgreSQL.
            create: make the file, its folder and the tables when absent.
            version, migrations: the schema to bring an older store to; the defaults are this release's.

        Raises:
            NotFoundError: absent, and not to be made.
            NewerHomeError: written by a newer version.
            BadInputError: another kind of database, or not a ledger.
            UnavailableError: locked for 30 s, or the server does not answer.
        """
        engine = engine_of(url_or_path, create=create)
        ledger = cls(engine)
        try:
            with ledger.read() as connection:  # the usual case waits for no writer
                current = version_of(connection) == version
            if not current:
                path = file_of(engine.url)
                with ledger.write() as connection:
                    bring_up_to_date(connection, path, create=create, version=version, migrations=migrations)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Give back every connection; the ledger is not used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for reading; inside :meth:`write` it sees what was written there."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction for writing: everything in the block, calls of this package included, or nothing.

        Blocks nest within a thread; an inner block that raises is undone alone.
        """
        with self._transaction(writes=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        outer: Connection | None = getattr(self._current, "connection", None)
        with explained(self._engine):
            if outer is None:
                with self._outermost(writes) as connection:
                    yield connection
            elif writes:
                with outer.begin_nested():
                    yield outer
            else:
                yield outer

    @contextmanager
    def _outermost(self, writes: bool) -> Iterator[Connection]:
        with self._engine.connect().execution_options(**{WRITES: writes}) as connection, connection.begin():
            if not writes:  # a write inside a read must begin its own transaction: a read lock cannot grow
                yield connection
                return
            self._current.connection = connection
            try:
                yield connection
            finally:
                del self._current.connection


def insert_for(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of the connection's own dialect, which knows ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose keys are not there yet; the others stay as they were."""
    if rows:
        connection.execute(insert_for(connection, table).on_conflict_do_nothing(), rows)


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """The values in lists short enough for one statement."""
    listed = list(values)
    for start in range(0, len(listed), _CHUNK):
        yield listed[start : start + _CHUNK]
