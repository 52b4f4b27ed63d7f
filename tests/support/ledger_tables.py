"""What a ledger holds and what tables it has, to compare one that was migrated with what it was and with a new one."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect

Rows = dict[str, list[dict[str, Any]]]


def described(path: Path) -> dict[str, object]:
    """Columns, keys, indexes, rules and triggers of every table."""
    engine = create_engine(f"sqlite:///{path}")
    inspector = inspect(engine)
    tables: dict[str, object] = {}
    for name in inspector.get_table_names():
        tables[name] = {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)],
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "foreign": sorted(
                (key["constrained_columns"], key["referred_table"]) for key in inspector.get_foreign_keys(name)
            ),
            "unique": sorted(each["column_names"] for each in inspector.get_unique_constraints(name)),
            "rules": sorted(each["sqltext"] for each in inspector.get_check_constraints(name)),
            "indexes": sorted((index["name"], index["column_names"]) for index in inspector.get_indexes(name)),
        }
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        tables["triggers"] = connection.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        tables["triggers"] = sorted(tables["triggers"])  # type: ignore[call-overload]
    return tables


def rows_of_tables(path: Path) -> Rows:
    """Every row of every table, by column."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        names = sorted(row["name"] for row in listed.fetchall())
        return {
            name: sorted((dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')), key=repr)  # noqa: S608
            for name in names
        }
