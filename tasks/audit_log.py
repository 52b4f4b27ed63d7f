"""What the audit log is told, and the witness of how far it reaches."""

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.ledger import audit_log, audit_rows
from millrace.records.governance import AuditAction, AuditEntry, AuditHead
from tasks.audit_anchors import anchor_elsewhere
from tasks.home import Home
from tasks.processes import taking_turns
from tasks.run import log, utc_now

HEAD_FILE = "audit/head.json"


def tell_audit_log(
    home: Home, action: AuditAction, *, actor: str, subject: str, details: Mapping[str, Any] | None = None
) -> AuditEntry:
    """Append an entry, durably, and move the witness on; for what changes the ledger too see :func:`move_witness`."""
    entry = audit_log.append(home.ledger, action, actor=actor, subject=subject, details=details or {}, at=utc_now())
    move_witness(home)
    return entry


def tell_once(home: Home, action: AuditAction, *, actor: str, subject: str, details: Mapping[str, Any]) -> None:
    """Tell what an effect did, which may be done again after a crash: an equal entry that is there is not repeated."""
    with home.ledger.write():
        if dict(details) not in audit_rows.details_told(home.ledger, action, subject):
            audit_log.append(home.ledger, action, actor=actor, subject=subject, details=details, at=utc_now())
    move_witness(home)


def move_witness(home: Home) -> None:
    """Note beside the ledger, and where MILLRACE_AUDIT_ANCHOR says, how far the log reaches.

    To be called after entries that a transaction of the caller's committed. A crash before this leaves an older
    witness, which is still true. A witness that cannot be read, or that the log contradicts, stays as it is, for
    ``millrace audit verify`` to tell of.
    """
    path = witness_path(home)
    with taking_turns(path.with_name(f"{path.name}.lock")):
        reached = audit_log.head(home.ledger)
        try:
            noted = witness_of(home) or audit_log.START
        except ValueError:
            log().warning("%s cannot be read; `millrace audit verify` says more", path)
            return
        if reached.sequence <= noted.sequence:
            return
        anchor_elsewhere(home, reached, utc_now())
        if noted.sequence and audit_rows.hash_at(home.ledger, noted.sequence) != noted.hash:
            log().warning("the audit log contradicts %s; `millrace audit verify` says more", path)
            return
        write_atomic(path, canonical_json(reached))


def witness_of(home: Home) -> AuditHead | None:
    """What was noted last; None before the first entry.

    Raises:
        ValueError: the file is no such note.
    """
    path = witness_path(home)
    return AuditHead.model_validate_json(path.read_bytes()) if path.is_file() else None


def process_actor() -> str:
    """This process as an actor of the log: ``user@host:pid``; a user without a name by number."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}:{os.getpid()}"


def witness_path(home: Home) -> Path:
    """Where the home notes how far its log reaches."""
    return home.root / HEAD_FILE
