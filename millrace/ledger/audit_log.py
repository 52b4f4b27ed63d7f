"""The audit log: entries are chained by hash and only ever appended; there is no call that changes or removes one.

An append joins the writing transaction that is open, so that what was done and what the log says of it become durable
together. The chain makes an edit, a cut, an insertion or a reorder visible; that the end was cut off shows only
beside a head that was noted elsewhere.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from millrace.datasets.canonical import sha256_json
from millrace.ledger.schema import audit_log
from millrace.ledger.store import Ledger
from millrace.records.governance import AuditAction, AuditEntry, AuditHead

START = AuditHead(sequence=0, hash="0" * 64)
_BATCH = 1_000


def append(
    ledger: Ledger, action: AuditAction, *, actor: str, subject: str, details: Mapping[str, Any], at: datetime
) -> AuditEntry:
    """Add one entry behind the last.

    Args:
        actor: a reviewer's name, or the process.
        details: plain JSON; never a user id, a text of a trace, or a secret.

    Raises:
        ValidationError: an empty actor or subject, or no known action.
    """
    with ledger.write():
        last = head(ledger)
        content = {"sequence": last.sequence + 1, "at": at, "actor": actor, "action": action, "subject": subject}
        content |= {"details": dict(details), "previous": last.hash}
        unsealed = AuditEntry.model_validate(content | {"hash": START.hash})
        entry = unsealed.model_copy(update={"hash": entry_hash(unsealed)})
        with ledger.write() as connection:
            connection.execute(audit_log.insert(), entry.model_dump())
    return entry


def entry_hash(entry: AuditEntry) -> str:
    """sha256 over the canonical JSON of everything in the entry but its own hash."""
    return sha256_json(entry.model_dump(mode="json", exclude={"hash"}))


def head(ledger: Ledger) -> AuditHead:
    """The last entry's sequence and hash; those of ``START`` when there is none."""
    query = select(audit_log.c.sequence, audit_log.c.hash).order_by(audit_log.c.sequence.desc()).limit(1)
    with ledger.read() as connection:
        row = connection.execute(query).one_or_none()
    return START if row is None else AuditHead(sequence=row.sequence, hash=row.hash)


def entries(ledger: Ledger, *, after: int = 0) -> Iterator[AuditEntry]:
    """The entries behind a sequence, in order, read in batches.

    Raises:
        ValidationError: a row that no append wrote.
    """
    while True:
        query = select(audit_log).where(audit_log.c.sequence > after).order_by(audit_log.c.sequence).limit(_BATCH)
        with ledger.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        if not rows:
            return
        yield from (AuditEntry.model_validate(row) for row in rows)
        after = rows[-1]["sequence"]
