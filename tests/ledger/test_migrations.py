import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

from millrace.errors import BadInputError, NewerHomeError
from millrace.ledger import pins
from millrace.ledger.migrations import Migration
from millrace.ledger.schema import SCHEMA_VERSION, metadata
from millrace.ledger.store import Ledger


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of the made-up version 0: no pins table yet, but runs in a table called jobs."""
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        connection.execute("INSERT INTO meta VALUES ('schema_version', '0')")
        connection.execute("CREATE TABLE jobs (run_id TEXT)")
        connection.execute("INSERT INTO jobs VALUES ('r1')")
    connection.close()
    return path


def jobs_to_pins(connection: Connection) -> None:
    metadata.create_all(connection)
    connection.exec_driver_sql("INSERT INTO pins SELECT run_id, 'migrated', 'true' FROM jobs")
    connection.exec_driver_sql("DROP TABLE jobs")


FROM_0 = (Migration(version=0, apply=jobs_to_pins),)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def version(path: Path) -> object:
    return rows(path, "SELECT value FROM meta WHERE name = 'schema_version'")[0][0]


def open_old(path: Path, *migrations: Migration) -> Ledger:
    """Bring the made-up version 0 to version 1, the oldest there was; what later versions did is tested beside."""
    return Ledger.open(path, version=1, migrations=migrations)


def test_a_new_ledger_has_this_version(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "ledger.sqlite").close()
    assert version(tmp_path / "ledger.sqlite") == str(SCHEMA_VERSION)


def test_an_older_ledger_is_migrated_and_its_old_state_kept_beside_it(old: Path) -> None:
    with open_old(old, *FROM_0) as ledger:
        assert pins.pins_of(ledger, "r1") == {"migrated": True}
    assert version(old) == "1"
    backup = old.with_name("ledger.sqlite.v0.bak")
    assert version(backup) == "0"
    assert rows(backup, "SELECT * FROM jobs") == [("r1",)]
    with open_old(old, *FROM_0) as ledger:  # the second time there is nothing to do
        assert pins.pins_of(ledger, "r1") == {"migrated": True}


def test_the_backup_holds_what_still_lies_in_the_write_ahead_log(old: Path) -> None:
    writer = sqlite3.connect(old)  # kept open, so that the log is not folded into the file
    with writer:
        writer.execute("INSERT INTO jobs VALUES ('r2')")
    open_old(old, *FROM_0).close()
    writer.close()
    assert rows(old.with_name("ledger.sqlite.v0.bak"), "SELECT run_id FROM jobs ORDER BY 1") == [("r1",), ("r2",)]


def test_several_steps_run_in_order_whatever_the_order_of_their_list(old: Path) -> None:
    ran: list[int] = []

    def step(number: int) -> Migration:
        return Migration(number, lambda _: ran.append(number))

    Ledger.open(old, version=3, migrations=[step(2), step(0), step(1)]).close()
    assert ran == [0, 1, 2]
    assert version(old) == "3"


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(old: Path) -> None:
    def half(connection: Connection) -> None:
        jobs_to_pins(connection)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        open_old(old, Migration(0, half))
    assert version(old) == "0"
    assert rows(old, "SELECT * FROM jobs") == [("r1",)]
    open_old(old, *FROM_0).close()
    assert version(old) == "1"


def test_a_ledger_opened_twice_at_once_is_migrated_once(old: Path) -> None:
    errors: list[BaseException] = []

    def open_it() -> None:
        try:
            open_old(old, *FROM_0).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows(old, "SELECT count(*) FROM pins") == [(1,)]


def test_a_newer_ledger_is_refused_untouched(old: Path) -> None:
    connection = sqlite3.connect(old)
    with connection:
        connection.execute("UPDATE meta SET value = '1000'")
    connection.close()
    with pytest.raises(NewerHomeError, match="schema version 1000") as caught:
        Ledger.open(old)
    assert caught.value.details == {"found": 1000, "known": SCHEMA_VERSION}
    assert rows(old, "SELECT name FROM sqlite_master WHERE name = 'pins'") == []


def test_a_version_without_a_way_forward_is_refused_before_a_backup(old: Path) -> None:
    with pytest.raises(BadInputError, match="cannot migrate"):
        Ledger.open(old)
    assert not old.with_name("ledger.sqlite.v0.bak").exists()
