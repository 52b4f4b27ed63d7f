"""The schema's version: made once, brought forward with a backup, never read by older code."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, select, update

from millrace.datasets.files import sync_folder
from millrace.errors import BadInputError, NewerHomeError, NotFoundError
from millrace.ledger.copies import copy_sqlite
from millrace.ledger.schema import SCHEMA_VERSION, meta, metadata


@dataclass(frozen=True)
class Migration:
    """One step of the schema, from ``version`` to ``version + 1``."""

    version: int
    apply: Callable[[Connection], None]


def _several_annotators(connection: Connection) -> None:
    """Claims in a table of their own, several to a task where several people are asked; adjudicating answers."""
    # Written out, not taken from ``schema``: a step stays what it was when later versions change the tables.
    for statement in (
        "ALTER TABLE tasks ADD COLUMN n_annotators INTEGER DEFAULT 1 NOT NULL",
        "ALTER TABLE annotations ADD COLUMN adjudicates BOOLEAN DEFAULT FALSE NOT NULL",
        "CREATE TABLE claims (task_id VARCHAR NOT NULL, annotator VARCHAR NOT NULL, expires_at BIGINT NOT NULL, "
        "PRIMARY KEY (task_id, annotator), FOREIGN KEY(task_id) REFERENCES tasks (task_id))",
        "CREATE INDEX ix_claims_annotator ON claims (annotator)",
        "INSERT INTO claims SELECT task_id, claimed_by, claim_expires_at FROM tasks WHERE claimed_by IS NOT NULL",
        "ALTER TABLE tasks DROP COLUMN claimed_by",
        "ALTER TABLE tasks DROP COLUMN claim_expires_at",
    ):
        connection.exec_driver_sql(statement)


def _request_journal(connection: Connection) -> None:
    """Paid replies of chat models, by what was asked."""
    for statement in (
        "CREATE TABLE requests (key VARCHAR NOT NULL, run_id VARCHAR NOT NULL, model VARCHAR NOT NULL, text TEXT, "
        "fault VARCHAR, truncated BOOLEAN NOT NULL, retried_for TEXT NOT NULL, duration_ms FLOAT NOT NULL, "
        "input_tokens BIGINT, output_tokens BIGINT, cost_usd FLOAT, cost_reason TEXT, replied_at BIGINT NOT NULL, "
        "PRIMARY KEY (key))",
        "CREATE INDEX ix_requests_run_id ON requests (run_id)",
    ):
        connection.exec_driver_sql(statement)


def _sent_alerts(connection: Connection) -> None:
    """Alerts that fired, and what became of them."""
    sequence = "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"
    if connection.dialect.name == "postgresql":
        sequence = "BIGSERIAL NOT NULL PRIMARY KEY"
    for statement in (
        f"CREATE TABLE alerts (sequence {sequence}, run_id VARCHAR NOT NULL, key VARCHAR NOT NULL, "
        "scope VARCHAR NOT NULL, receiver VARCHAR NOT NULL, alert TEXT NOT NULL, status VARCHAR NOT NULL, "
        "fired_at BIGINT NOT NULL, claimed_at BIGINT, sent_at BIGINT, last_sent_at BIGINT, problem TEXT, "
        "UNIQUE (run_id, key, scope, receiver), CONSTRAINT ck_alerts_status_known "
        "CHECK (status IN ('claimed', 'sent', 'suppressed', 'not_sent', 'no_receiver')))",
        "CREATE INDEX ix_alerts_key_receiver ON alerts (key, receiver)",
    ):
        connection.exec_driver_sql(statement)


def _governance(connection: Connection) -> None:
    """Reviewers and what proves their decisions, the audit log, requests to erase, legal holds."""
    sequence = "BIGINT" if connection.dialect.name == "postgresql" else "INTEGER"
    for statement in (
        "ALTER TABLE approvals ADD COLUMN proof VARCHAR",
        "ALTER TABLE approvals ADD COLUMN role VARCHAR",
        "ALTER TABLE approvals ADD COLUMN code_hash VARCHAR",
        "ALTER TABLE approvals ADD COLUMN code TEXT",
        "ALTER TABLE approvals ADD COLUMN permission VARCHAR",
        "CREATE UNIQUE INDEX uq_approvals_code_hash ON approvals (code_hash)",
        "CREATE TABLE reviewers (name VARCHAR NOT NULL, role VARCHAR NOT NULL, public_key TEXT NOT NULL, "
        "key_id VARCHAR NOT NULL, added_by VARCHAR NOT NULL, added_at BIGINT NOT NULL, revoked_at BIGINT, "
        "PRIMARY KEY (name), UNIQUE (key_id))",
        f"CREATE TABLE audit_log (sequence {sequence} NOT NULL, at BIGINT NOT NULL, actor VARCHAR NOT NULL, "
        "action VARCHAR NOT NULL, subject VARCHAR NOT NULL, details TEXT NOT NULL, previous VARCHAR NOT NULL, "
        "hash VARCHAR NOT NULL, PRIMARY KEY (sequence), UNIQUE (hash))",
        *_AUDIT_LOG_RULES[connection.dialect.name],
        "CREATE TABLE erasure_requests (handle VARCHAR NOT NULL, subject_type VARCHAR NOT NULL, "
        "subject_hash VARCHAR NOT NULL, tenant_hash VARCHAR, requested_by VARCHAR NOT NULL, "
        "requested_at BIGINT NOT NULL, status VARCHAR NOT NULL, run_id VARCHAR, finished_at BIGINT, "
        "PRIMARY KEY (handle), CONSTRAINT ck_erasure_requests_subject_type_known "
        "CHECK (subject_type IN ('user', 'tenant')), CONSTRAINT ck_erasure_requests_status_known "
        "CHECK (status IN ('requested', 'completed', 'partial', 'failed')))",
        "CREATE TABLE legal_holds (hold_id VARCHAR NOT NULL, held_type VARCHAR NOT NULL, held VARCHAR NOT NULL, "
        "reason TEXT NOT NULL, placed_by VARCHAR NOT NULL, placed_at BIGINT NOT NULL, released_by VARCHAR, "
        "released_at BIGINT, PRIMARY KEY (hold_id), CONSTRAINT ck_legal_holds_held_type_known "
        "CHECK (held_type IN ('dataset', 'run', 'user', 'tenant')))",
    ):
        connection.exec_driver_sql(statement)


_AUDIT_LOG_RULES = {
    "sqlite": (
        "CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()",
    ),
}

MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, _several_annotators),
    Migration(2, _request_journal),
    Migration(3, _sent_alerts),
    Migration(4, _governance),
)


def version_of(connection: Connection) -> int | None:
    """The schema version; None in an empty database.

    Raises:
        BadInputError: another program's database.
    """
    tables = inspect(connection).get_table_names()
    if meta.name in tables:
        value = connection.execute(select(meta.c.value).where(meta.c.name == "schema_version")).scalar()
        if value is not None:
            return int(value)
    elif not tables or connection.dialect.name == "postgresql":  # a PostgreSQL database may be shared
        return None
    raise BadInputError(f"not a ledger: {connection.engine.url.database} holds another program's tables")


def bring_up_to_date(
    connection: Connection,
    path: Path | None,
    *,
    create: bool = True,
    version: int = SCHEMA_VERSION,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> None:
    """Make the tables, or migrate them, in the writing transaction of ``connection``.

    Args:
        path: the SQLite file, copied to ``<file>.v<old version>.bak`` before it is migrated. None for
            PostgreSQL, where the migration is one transaction and backups are the operator's.
        create: make the tables in an empty database.

    Raises:
        NewerHomeError: written by a newer version.
        NotFoundError: no tables, and not to be made.
        BadInputError: another program's database, or a version that no migration starts from.
    """
    found = version_of(connection)
    if found is None:
        if not create:
            raise NotFoundError(f"no ledger in {path or connection.engine.url.database}")
        metadata.create_all(connection)
        connection.execute(meta.insert().values(name="schema_version", value=str(version)))
        return
    if found > version:
        raise NewerHomeError(
            f"the ledger has schema version {found}, this Millrace knows up to {version}: upgrade Millrace",
            found=found,
            known=version,
        )
    if found < version:
        steps = _steps(found, version, migrations)
        if path is not None:
            _back_up(path, path.with_name(f"{path.name}.v{found}.bak"))
        for step in steps:
            step.apply(connection)
        connection.execute(update(meta).where(meta.c.name == "schema_version").values(value=str(version)))


def _steps(found: int, version: int, migrations: Sequence[Migration]) -> list[Migration]:
    by_version = {migration.version: migration for migration in migrations}
    missing = [number for number in range(found, version) if number not in by_version]
    if missing:
        raise BadInputError(
            f"the ledger has schema version {found}, from which this Millrace cannot migrate", found=found
        )
    return [by_version[number] for number in range(found, version)]


def _back_up(path: Path, backup: Path) -> None:
    # The caller holds the write lock and has not written yet, so the copy is the ledger as it was.
    temporary = backup.with_name(f".{backup.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    copy_sqlite(path, temporary)
    os.replace(temporary, backup)
    sync_folder(backup.parent)
