"""What differs between SQLite and PostgreSQL: connecting, beginning, and what their errors mean."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from millrace.datasets.files import sync_folder
from millrace.errors import BadInputError, MillraceError, NotFoundError, UnavailableError

WRITES = "millrace_writes"  # execution option of a connection: its transactions write

_BUSY_TIMEOUT_S = 30
_LOCK_KEY = 0x6D696C6C72616365  # "millrace": the advisory lock that every writing transaction takes
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNWRITTEN = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_UNUSABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def engine_of(url_or_path: str | Path, *, create: bool) -> Engine:
    """An engine whose transactions begin as the ledger needs them.

    Raises:
        NotFoundError: a SQLite file that is absent and not to be made.
        BadInputError: no such URL form, or neither a SQLite file nor PostgreSQL.
    """
    url = _url_of(url_or_path)
    if url.get_backend_name() == "postgresql":
        return _postgresql_engine(url)
    path = file_of(url)
    if path is None:
        raise BadInputError(f"the ledger needs a SQLite file or PostgreSQL, not {url.render_as_string()}")
    if not path.exists():
        if not create:
            raise NotFoundError(f"no ledger at {path}", file=str(path))
        _make_file(path)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S, "isolation_level": None})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def file_of(url: URL) -> Path | None:
    """The SQLite file behind a URL; None for another database or one in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors into ours where ours say more; the rest pass unchanged."""
    try:
        yield
    except StatementError as error:
        if isinstance(error.orig, MillraceError):  # raised while a value was being bound
            raise error.orig from None
        if isinstance(error, DatabaseError):
            _raise_explained(error, engine)
        raise


def _raise_explained(error: DatabaseError, engine: Engine) -> None:
    where = engine.url.render_as_string(hide_password=True)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is None:
        if isinstance(error, OperationalError):
            raise UnavailableError(f"the ledger's database does not answer: {where}: {error.orig}") from error
        return
    primary = code & 0xFF  # the low byte is the error, the rest its variety
    if primary in _BUSY:
        raise UnavailableError(
            f"the ledger stayed locked for {_BUSY_TIMEOUT_S} s by another process: {where}"
        ) from error
    if primary in _UNWRITTEN:
        raise UnavailableError(
            f"the disk refused the ledger, nothing of this was noted: {where}: {error.orig}; "
            "see to its room and health, then run again"
        ) from error
    if primary in _UNUSABLE:
        raise BadInputError(f"the ledger cannot be used: {where}: {error.orig}") from error


def _url_of(url_or_path: str | Path) -> URL:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return URL.create("sqlite", database=str(url_or_path))
    try:
        url = make_url(url_or_path)
    except ArgumentError as error:
        raise BadInputError(f"not a database URL: {error}") from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadInputError(f"the ledger needs SQLite or PostgreSQL, not {url.get_backend_name()}")
    return url


def _postgresql_engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError) as error:
        raise BadInputError(
            f"no driver for {url.drivername}: install psycopg and write the URL as postgresql+psycopg://..."
        ) from error
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _make_file(path: Path) -> None:
    # Processes that switch one new file to WAL at once lock one another out without waiting, so the file
    # appears in WAL mode already, under its name in one step; whoever comes second finds it there.
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    temporary.unlink(missing_ok=True)
    connection = sqlite3.connect(temporary)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
    with suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()
    sync_folder(path.parent)


def _set_up_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    except UnicodeDecodeError as error:  # the driver cannot even say what is wrong with a damaged schema
        raise BadInputError("the ledger is damaged: it holds names that are no text; restore a backup") from error
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what an erasure deletes is overwritten, not only unlinked
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that read before it writes cannot wait for another writer, so writers say so at once, and
    # a reader that tries to write is an error on the first try, not only when two processes meet.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITES):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
    else:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
