"""A ledger of version 3 is brought to this version: it gains the table of alerts and loses nothing."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from millrace.ledger import pins
from millrace.ledger.alerts import alert_log
from millrace.ledger.schema import metadata
from millrace.ledger.store import Ledger


@pytest.fixture
def version_3(tmp_path: Path) -> Path:
    """Every table that did not change since, as this version makes it."""
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        pins.pin(ledger, "r1", "seed", 7)
    connection = sqlite3.connect(path)
    with connection:
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


def described(path: Path) -> dict[str, object]:
    """Columns, keys, checks and indexes of every table."""
    engine = create_engine(f"sqlite:///{path}")
    inspector = inspect(engine)
    tables: dict[str, object] = {}
    for name in metadata.tables:
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)]
        indexes = sorted((index["name"] or "", index["column_names"]) for index in inspector.get_indexes(name))
        unique = sorted(each["column_names"] for each in inspector.get_unique_constraints(name))
        checks = sorted(each["sqltext"] for each in inspector.get_check_constraints(name))
        tables[name] = (columns, inspector.get_pk_constraint(name)["constrained_columns"], indexes, unique, checks)
    engine.dispose()
    return tables
