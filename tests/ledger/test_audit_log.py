import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from millrace.ledger import audit_log, pins
from millrace.ledger.store import Ledger
from tests.support.older_homes import older_ledger

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def note(ledger: Ledger, subject: str = "run-1") -> None:
    audit_log.append(ledger, "approval-decided", actor="Rosa Lind", subject=subject, details={"n": 1}, at=NOW)


def test_entries_are_numbered_chained_and_read_back(ledger: Ledger) -> None:
    assert audit_log.head(ledger) == audit_log.START
    for number in range(3):
        note(ledger, f"run-{number}")
    found = list(audit_log.entries(ledger))
    assert [entry.sequence for entry in found] == [1, 2, 3]
    assert [entry.previous for entry in found] == ["0" * 64, found[0].hash, found[1].hash]
    assert all(entry.hash == audit_log.entry_hash(entry) for entry in found)
    assert audit_log.head(ledger).hash == found[-1].hash
    assert [entry.sequence for entry in audit_log.entries(ledger, after=2)] == [3]


def test_an_entry_shares_the_fate_of_what_it_tells_of(ledger: Ledger) -> None:
    def half_of_it() -> None:
        with ledger.write():
            pins.pin(ledger, "r1", "seed", 7)
            note(ledger)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_of_it()
    assert pins.pins_of(ledger, "r1") == {}
    assert list(audit_log.entries(ledger)) == []


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'Eve'", "DELETE FROM audit_log"])
def test_the_database_refuses_changes(ledger: Ledger, statement: str) -> None:
    note(ledger)
    with pytest.raises(IntegrityError, match="append-only"), ledger.write() as connection:
        connection.exec_driver_sql(statement)
    assert len(list(audit_log.entries(ledger))) == 1


def test_a_migrated_ledger_refuses_them_too(tmp_path: Path) -> None:
    path = older_ledger(tmp_path / "ledger.sqlite", 4)
    with Ledger.open(path) as ledger:
        note(ledger)
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM audit_log")
