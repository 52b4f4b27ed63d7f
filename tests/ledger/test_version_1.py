"""A ledger of version 1 is brought to this version, with all that people did in it."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from millrace.ledger.annotations import annotations_for
from millrace.ledger.queue import claim_next, enqueue
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, tasks

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
T0_MICROSECONDS = 1_767_614_400_000_000

# The tables of the queue as version 1 made them, and enough of the others to be a ledger.
VERSION_1 = """
CREATE TABLE meta (name VARCHAR NOT NULL, value VARCHAR NOT NULL, PRIMARY KEY (name));
CREATE TABLE pins (run_id VARCHAR NOT NULL, name VARCHAR NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run_id, name));
CREATE TABLE approvals (
    run_id VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    prefect_run_id VARCHAR,
    title VARCHAR NOT NULL,
    markdown TEXT NOT NULL,
    pinned_hash VARCHAR NOT NULL,
    asked_at BIGINT NOT NULL,
    decision VARCHAR,
    reviewer VARCHAR,
    note TEXT,
    decided_at BIGINT,
    PRIMARY KEY (run_id, key),
    CONSTRAINT ck_approvals_decision_known CHECK (decision IN ('approve', 'reject', 'extend', 'invalid'))
);
CREATE TABLE tasks (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task_id VARCHAR NOT NULL,
    tenant_id VARCHAR NOT NULL,
    question_key VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    payload TEXT NOT NULL,
    status VARCHAR NOT NULL,
    claimed_by VARCHAR,
    claim_expires_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant_id, question_key),
    CONSTRAINT ck_tasks_status_known CHECK (status IN ('pending', 'claimed', 'completed', 'skipped')),
    UNIQUE (task_id)
);
CREATE INDEX ix_tasks_run_id ON tasks (run_id);
CREATE INDEX ix_tasks_status_sequence ON tasks (status, sequence);
CREATE TABLE annotations (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    annotation_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    annotator VARCHAR NOT NULL,
    answer TEXT NOT NULL,
    submitted_at BIGINT NOT NULL,
    replaces VARCHAR,
    UNIQUE (annotation_id),
    FOREIGN KEY(task_id) REFERENCES tasks (task_id),
    UNIQUE (replaces),
    FOREIGN KEY(replaces) REFERENCES annotations (annotation_id)
);
CREATE INDEX ix_annotations_task_annotator ON annotations (task_id, annotator);
CREATE TABLE task_events (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task_id VARCHAR NOT NULL,
    event VARCHAR NOT NULL,
    actor VARCHAR NOT NULL,
    at BIGINT NOT NULL,
    details TEXT NOT NULL,
    FOREIGN KEY(task_id) REFERENCES tasks (task_id)
);
CREATE INDEX ix_task_events_task_id ON task_events (task_id);
INSERT INTO meta VALUES ('schema_version', '1');
"""
TASKS = [
    ("done", "completed", None, None),
    ("held", "claimed", "bob", T0_MICROSECONDS + 600_000_000),
    ("free", "pending", None, None),
    ("aside", "skipped", None, None),
]


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(VERSION_1)
        for number, (name, status, holder, until) in enumerate(TASKS, start=1):
            row = (number, name, "t", name, "r1", number, '{"a":1}', status, holder, until, T0_MICROSECONDS)
            connection.execute(f"INSERT INTO tasks VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
        answers = [("a" * 64, '"bad"', None), ("b" * 64, '"good"', "a" * 64)]
        for number, (name, answer, replaced) in enumerate(answers, start=1):
            values = (number, name, "done", "ada", answer, T0_MICROSECONDS, replaced)
            connection.execute("INSERT INTO annotations VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    connection.close()
    return path


def test_tasks_claims_and_answers_are_kept(version_1: Path) -> None:
    with Ledger.open(version_1) as ledger:
        standing = {task.task_id: task for task in tasks(ledger)}
        assert {name: task.status for name, task in standing.items()} == {name: status for name, status, *_ in TASKS}
        assert {task.n_annotators for task in standing.values()} == {1}
        assert (standing["done"].n_answers, standing["done"].claimed_by) == (1, None)
        held = standing["held"]
        assert (held.claimed_by, held.claim_expires_at) == ("bob", datetime(2026, 1, 5, 12, 10, tzinfo=UTC))
        (answer,) = annotations_for(ledger)
        assert (answer.answer, answer.replaces, answer.adjudicates) == ("good", "a" * 64, False)


def test_work_goes_on_in_it(version_1: Path) -> None:
    with Ledger.open(version_1) as ledger:
        new = NewTask(task_id="new", question_key="new", tenant_id="t", position=1, payload=None, n_annotators=2)
        enqueue(ledger, [new], "r2", T0)
        claims = [
            claim_next(ledger, name, T0, datetime(2026, 1, 6, tzinfo=UTC)) for name in ("bob", "cyd", "dan", "eve")
        ]
        assert [claim and claim.task_id for claim in claims] == ["held", "free", "new", "new"]


def test_the_old_state_is_kept_beside_it(version_1: Path) -> None:
    Ledger.open(version_1).close()
    backup = sqlite3.connect(version_1.with_name("ledger.sqlite.v1.bak"))
    assert backup.execute("SELECT claimed_by FROM tasks WHERE task_id = 'held'").fetchall() == [("bob",)]
    assert backup.execute("SELECT value FROM meta").fetchall() == [("1",)]
    backup.close()


def test_a_migrated_ledger_has_the_tables_of_a_new_one(version_1: Path, tmp_path: Path) -> None:
    Ledger.open(version_1).close()
    Ledger.open(tmp_path / "new.sqlite").close()
    assert described(version_1) == described(tmp_path / "new.sqlite")


def described(path: Path) -> dict[str, object]:
    """Columns, defaults, keys and indexes of the queue's tables."""
    engine = create_engine(f"sqlite:///{path}")
    inspector = inspect(engine)
    tables = {}
    for name in ("tasks", "claims", "annotations", "task_events", "meta"):
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(name)]
        foreign = sorted(
            (key["constrained_columns"], key["referred_table"]) for key in inspector.get_foreign_keys(name)
        )
        indexes = sorted((index["name"], index["column_names"]) for index in inspector.get_indexes(name))
        tables[name] = (columns, inspector.get_pk_constraint(name)["constrained_columns"], foreign, indexes)
    engine.dispose()
    return tables
