"""A fresh ledger, and real processes beside it.

A SQLite file each; with ``MILLRACE_TEST_DATABASE`` set to a PostgreSQL URL, a schema each in that database.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from millrace.ledger.store import Ledger

ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Path or URL of a ledger that does not exist yet."""
    database = os.environ.get("MILLRACE_TEST_DATABASE")
    if database is None:
        yield str(tmp_path / "home" / "ledger.sqlite")
        return
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS ledger_test CASCADE"))
        connection.execute(text("CREATE SCHEMA ledger_test"))
    engine.dispose()
    url = make_url(database).update_query_dict({"options": "-csearch_path=ledger_test"})
    yield url.render_as_string(hide_password=False)


@pytest.fixture
def ledger(address: str) -> Iterator[Ledger]:
    with Ledger.open(address) as opened:
        yield opened


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run Python source in a process of its own, from the repository's root; stdin and stdout are pipes."""
    started: list[subprocess.Popen[str]] = []

    def launch(source: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", source, *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield launch
    for process in started:
        process.kill()
        process.communicate()
