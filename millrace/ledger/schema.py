"""Tables of the ledger, and how times and JSON are stored in them.

Times are aware UTC datetimes outside and whole microseconds since 1970 inside: they sort as numbers and
lose nothing. JSON values are stored as canonical JSON text, so that equal values are equal text.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    text,
)

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError

SCHEMA_VERSION = 5

Json = Any  # whatever canonical JSON can hold; a recursive type would refuse a caller's dict[str, str]

RunStatus = Literal["running", "waiting", "completed", "rejected", "failed"]
EffectStatus = Literal["intended", "done"]
TaskStatus = Literal["pending", "claimed", "completed", "skipped"]
ApprovalDecision = Literal["approve", "reject", "extend", "invalid"]
SubjectType = Literal["user", "tenant"]
AlertStatus = Literal["claimed", "sent", "suppressed", "not_sent", "no_receiver"]
ErasureStatus = Literal["requested", "completed", "partial", "failed"]
HoldSubject = Literal["dataset", "run", "user", "tenant"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Time(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970, UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise BadInputError(f"time without a time zone: {value.isoformat()}; pass an aware datetime")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        try:
            return None if value is None else _EPOCH + value * _MICROSECOND
        except (OverflowError, TypeError) as error:
            raise BadInputError("the ledger is damaged: it holds a time that is none; restore a backup") from error


class CanonicalJson(TypeDecorator[Json]):
    """A JSON value as canonical text; None is the JSON ``null``, SQL's NULL is never written."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: Dialect) -> str:
        return canonical_json(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Json:
        try:
            return None if value is None else json.loads(value)
        except (ValueError, TypeError, RecursionError) as error:
            raise BadInputError("the ledger is damaged: it holds a value that is no JSON; restore a backup") from error


def _sequence() -> Column[int]:
    """A number that only grows, in the order of commits (the ledger has one writer at a time)."""
    return Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _one_of(column: str, values: Any) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in get_args(values))
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


metadata = MetaData(naming_convention={"ck": "ck_%(table_name)s_%(constraint_name)s", "ix": "ix_%(column_0_label)s"})

meta = Table("meta", metadata, Column("name", String, primary_key=True), Column("value", String, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("flow", String, nullable=False),
    Column("config", CanonicalJson, nullable=False),
    Column("status", String, nullable=False),
    Column("process", String, nullable=False),
    Column("prefect_run_id", String),
    Column("started_at", Time, nullable=False, index=True),
    Column("finished_at", Time),
    _one_of("status", RunStatus),
)

pins = Table(
    "pins",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", CanonicalJson, nullable=False),
)

effects = Table(
    "effects",
    metadata,
    Column("key", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("run_id", String, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("result", CanonicalJson),
    Column("intended_at", Time, nullable=False),
    Column("done_at", Time),
    _one_of("status", EffectStatus),
)

datasets = Table(
    "datasets",
    metadata,
    _sequence(),
    Column("kind", String, nullable=False),
    Column("content_hash", String, nullable=False, index=True),
    Column("rows", BigInteger, nullable=False),
    Column("time_from", Time),
    Column("time_to", Time),
    Column("run_id", String, nullable=False),
    Column("registered_at", Time, nullable=False),
    UniqueConstraint("kind", "content_hash"),
    sqlite_autoincrement=True,
)

dataset_tenants = Table(
    "dataset_tenants",
    metadata,
    Column("sequence", ForeignKey("datasets.sequence"), primary_key=True),
    Column("tenant_id", String, primary_key=True),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("content_hash", String, primary_key=True),
    Column("reason", String, nullable=False),
    Column("buried_at", Time, nullable=False),
)

subjects = Table(
    "subjects",
    metadata,
    Column("subject_type", String, primary_key=True),
    Column("subject_hash", String, primary_key=True),
    Column("content_hash", String, primary_key=True, index=True),
    _one_of("subject_type", SubjectType),
    sqlite_with_rowid=False,
)

tasks = Table(
    "tasks",
    metadata,
    _sequence(),
    Column("task_id", String, nullable=False, unique=True),
    Column("tenant_id", String, nullable=False),
    Column("question_key", String, nullable=False),
    Column("run_id", String, nullable=False, index=True),
    Column("position", BigInteger, nullable=False),
    Column("payload", CanonicalJson, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("n_annotators", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("tenant_id", "question_key"),
    Index("ix_tasks_status_sequence", "status", "sequence"),
    _one_of("status", TaskStatus),
    sqlite_autoincrement=True,
)

claims = Table(
    "claims",
    metadata,
    Column("task_id", ForeignKey("tasks.task_id"), primary_key=True),
    Column("annotator", String, primary_key=True),
    Column("expires_at", Time, nullable=False),
    Index("ix_claims_annotator", "annotator"),
)

annotations = Table(
    "annotations",
    metadata,
    _sequence(),
    Column("annotation_id", String, nullable=False, unique=True),
    Column("task_id", ForeignKey("tasks.task_id"), nullable=False),
    Column("annotator", String, nullable=False),
    Column("answer", CanonicalJson, nullable=False),
    Column("submitted_at", Time, nullable=False),
    Column("replaces", ForeignKey("annotations.annotation_id"), unique=True),
    Column("adjudicates", Boolean, nullable=False, server_default=text("FALSE")),
    Index("ix_annotations_task_annotator", "task_id", "annotator"),
    sqlite_autoincrement=True,
)

task_events = Table(
    "task_events",
    metadata,
    _sequence(),
    Column("task_id", ForeignKey("tasks.task_id"), nullable=False, index=True),
    Column("event", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", Time, nullable=False),
    Column("details", CanonicalJson, nullable=False),
    sqlite_autoincrement=True,
)

approvals = Table(
    "approvals",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("prefect_run_id", String),
    Column("title", String, nullable=False),
    Column("markdown", Text, nullable=False),
    Column("pinned_hash", String, nullable=False),
    Column("asked_at", Time, nullable=False, index=True),
    Column("decision", String),
    Column("reviewer", String),
    Column("note", Text),
    Column("decided_at", Time),
    Column("proof", String),
    Column("role", String),
    Column("code_hash", String),
    Column("code", Text),
    Column("permission", String),
    Index("uq_approvals_code_hash", "code_hash", unique=True),
    _one_of("decision", ApprovalDecision),
)

pointer_history = Table(
    "pointer_history",
    metadata,
    _sequence(),
    Column("name", String, nullable=False),
    Column("value", CanonicalJson, nullable=False),
    Column("run_id", String, nullable=False),
    Column("at", Time, nullable=False),
    Index("ix_pointer_history_name_sequence", "name", "sequence"),
    sqlite_autoincrement=True,
)

requests = Table(
    "requests",
    metadata,
    Column("key", String, primary_key=True),
    Column("run_id", String, nullable=False, index=True),
    Column("model", String, nullable=False),
    Column("text", Text),
    Column("fault", String),
    Column("truncated", Boolean, nullable=False),
    Column("retried_for", CanonicalJson, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cost_usd", Float),
    Column("cost_reason", Text),
    Column("replied_at", Time, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    _sequence(),
    Column("run_id", String, nullable=False),
    Column("key", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("receiver", String, nullable=False),
    Column("alert", CanonicalJson, nullable=False),
    Column("status", String, nullable=False),
    Column("fired_at", Time, nullable=False),
    Column("claimed_at", Time),
    Column("sent_at", Time),
    Column("last_sent_at", Time),
    Column("problem", Text),
    UniqueConstraint("run_id", "key", "scope", "receiver"),
    Index("ix_alerts_key_receiver", "key", "receiver"),
    _one_of("status", AlertStatus),
    sqlite_autoincrement=True,
)

reviewers = Table(
    "reviewers",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("key_id", String, nullable=False, unique=True),
    Column("added_by", String, nullable=False),
    Column("added_at", Time, nullable=False),
    Column("revoked_at", Time),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Time, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("details", CanonicalJson, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False, unique=True),
)

# Of no use against somebody with the file, whom the chain finds; against a mistake in code it is.
AUDIT_LOG_RULES: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_log_no_{verb.lower()} BEFORE {verb} ON audit_log "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()",
    ),
}
for _dialect, _statements in AUDIT_LOG_RULES.items():
    for _statement in _statements:
        event.listen(audit_log, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

erasure_requests = Table(
    "erasure_requests",
    metadata,
    Column("handle", String, primary_key=True),
    Column("subject_type", String, nullable=False),
    Column("subject_hash", String, nullable=False),
    Column("tenant_hash", String),
    Column("requested_by", String, nullable=False),
    Column("requested_at", Time, nullable=False),
    Column("status", String, nullable=False),
    Column("run_id", String),
    Column("finished_at", Time),
    _one_of("subject_type", SubjectType),
    _one_of("status", ErasureStatus),
)

legal_holds = Table(
    "legal_holds",
    metadata,
    Column("hold_id", String, primary_key=True),
    Column("held_type", String, nullable=False),
    Column("held", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", String, nullable=False),
    Column("placed_at", Time, nullable=False),
    Column("released_by", String),
    Column("released_at", Time),
    _one_of("held_type", HoldSubject),
)
