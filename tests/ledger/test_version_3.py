"""A ledger of version 3 is brought to this version: it gains the table of alerts and loses nothing."""

import sqlite3
from pathlib import Path

import pytest

from millrace.ledger import pins
from millrace.ledger.alerts import alert_log
from millrace.ledger.store import Ledger
from tests.support.ledger_tables import described, take_away_version_5


@pytest.fixture
def version_3(tmp_path: Path) -> Path:
    """Every table that did not change since, as this version makes it."""
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        pins.pin(ledger, "r1", "seed", 7)
    connection = sqlite3.connect(path)
    with connection:
        take_away_version_5(connection)
        connection.execute("DROP TABLE alerts")
        connection.execute("UPDATE meta SET value = '3' WHERE name = 'schema_version'")
    connection.close()
    return path


def test_what_was_there_stays_and_there_are_no_alerts_yet(version_3: Path) -> None:
    with Ledger.open(version_3) as ledger:
        assert pins.pins_of(ledger, "r1") == {"seed": 7}
        assert alert_log(ledger) == []
    assert version_3.with_name("ledger.sqlite.v3.bak").exists()


def test_the_migrated_table_is_that_of_a_new_ledger(version_3: Path, tmp_path: Path) -> None:
    Ledger.open(version_3).close()
    Ledger.open(tmp_path / "new.sqlite").close()
    assert described(version_3) == described(tmp_path / "new.sqlite")
