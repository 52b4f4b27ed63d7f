"""What tables a ledger has, to compare one that was migrated with a new one, and how an older one is made of it."""

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine, inspect

from millrace.ledger.schema import metadata


def described(path: Path) -> dict[str, object]:
    """Columns, keys and indexes of every table."""
    engine = create_engine(f"sqlite:///{path}")
    inspector = inspect(engine)
    tables: dict[str, object] = {}
    for name in metadata.tables:
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)]
        indexes = sorted((index["name"], index["column_names"]) for index in inspector.get_indexes(name))
        tables[name] = (columns, inspector.get_pk_constraint(name)["constrained_columns"], indexes)
    engine.dispose()
    return tables


def take_away_version_5(connection: sqlite3.Connection) -> None:
    """Leave a ledger as version 4 made it."""
    for name in ("audit_log", "reviewers", "erasure_requests", "legal_holds"):
        connection.execute(f"DROP TABLE {name}")
    connection.execute("DROP INDEX uq_approvals_code_hash")
    for name in ("proof", "role", "code_hash"):
        connection.execute(f"ALTER TABLE approvals DROP COLUMN {name}")
