"""Copying a SQLite file that other processes write to."""

import sqlite3
from contextlib import closing
from pathlib import Path


def copy_sqlite(path: Path, copy: Path) -> None:
    """Copy the database as it was last committed, what still lies in its write-ahead log included.

    ``copy`` must not exist. Whoever holds the write lock and has not written yet gets the state of that moment.
    """
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
