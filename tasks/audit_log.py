"""What the audit log is told, and the witness of how far it reaches."""

import fcntl
import json
from collections.abc import Mapping
from typing import Any

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.ledger import audit_log
from millrace.records.governance import AuditAction, AuditEntry, AuditHead
from tasks.home import Home
from tasks.run import utc_now

HEAD_FILE = "audit/head.json"


def tell_audit_log(
    home: Home, action: AuditAction, *, actor: str, subject: str, details: Mapping[str, Any] | None = None
) -> AuditEntry:
    """Append an entry, durably, and move the witness on; for what changes the ledger too see :func:`move_witness`."""
    entry = audit_log.append(home.ledger, action, actor=actor, subject=subject, details=details or {}, at=utc_now())
    move_witness(home)
    return entry


def move_witness(home: Home) -> None:
    """Note beside the ledger how far the log reaches, after entries that a transaction of the caller's committed.

    A crash before this leaves an older witness, which is still true.
    """
    path = home.root / HEAD_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reached, noted = audit_log.head(home.ledger), witness_of(home)
        if noted is None or reached.sequence > noted.sequence:
            write_atomic(path, canonical_json(reached))


def witness_of(home: Home) -> AuditHead | None:
    """What was noted last; None before the first entry.

    Raises:
        ValueError: the file is no such note.
    """
    path = home.root / HEAD_FILE
    return AuditHead.model_validate(json.loads(path.read_bytes())) if path.is_file() else None
