"""Homes and ledgers as earlier versions of Millrace wrote them."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from millrace.ledger.store import Ledger

VERSION_1 = Path(__file__).parents[1] / "ledger" / "data" / "version_1"


def version_1_home(root: Path) -> Path:
    """A home that version 1 wrote, with rows in every table and datasets of every kind that a week makes."""
    shutil.copytree(VERSION_1, root, ignore=shutil.ignore_patterns("ledger.sql", "README.md"))
    older_ledger(root / "ledger.sqlite", 1)
    (root / "keys").mkdir(mode=0o700)
    (root / "keys" / "subject-key").write_text("01" * 32)
    return root


def older_ledger(path: Path, version: int) -> Path:
    """That ledger as it was written, brought no further than to ``version``."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript((VERSION_1 / "ledger.sql").read_text())
    if version > 1:
        Ledger.open(path, version=version).close()
    return path
