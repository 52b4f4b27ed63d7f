"""A ledger of version 2 is brought to this version: it gains the request journal and loses nothing."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.ledger import pins
from millrace.ledger.requests import keep_replies, known_replies
from millrace.ledger.store import Ledger
from millrace.ports import ChatReply
from tests.support.ledger_tables import described, take_away_version_5

REPLY = ChatReply("main", "yes", None, False, (), 1.0, 10, 2, None, "no price known")


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    """Every table that did not change since, as this version makes it."""
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        pins.pin(ledger, "r1", "seed", 7)
    connection = sqlite3.connect(path)
    with connection:
        take_away_version_5(connection)
        connection.execute("DROP TABLE requests")
        connection.execute("DROP TABLE alerts")  # of version 4
        connection.execute("UPDATE meta SET value = '2' WHERE name = 'schema_version'")
    connection.close()
    return path


def test_what_was_there_stays_and_replies_can_be_kept(version_2: Path) -> None:
    with Ledger.open(version_2) as ledger:
        assert pins.pins_of(ledger, "r1") == {"seed": 7}
        keep_replies(ledger, {"k": REPLY}, "r1", datetime(2026, 1, 5, tzinfo=UTC))
        assert known_replies(ledger, ["k"], "r2") == {"k": REPLY}
    assert version_2.with_name("ledger.sqlite.v2.bak").exists()


def test_a_migrated_ledger_has_the_tables_of_a_new_one(version_2: Path, tmp_path: Path) -> None:
    Ledger.open(version_2).close()
    Ledger.open(tmp_path / "new.sqlite").close()
    assert described(version_2) == described(tmp_path / "new.sqlite")
