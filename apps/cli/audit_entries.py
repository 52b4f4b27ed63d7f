"""What ``millrace audit`` reads and writes."""

from pathlib import Path
from typing import Any, get_args

from millrace.errors import BadInputError
from millrace.governance.audit_chain import read_entry
from millrace.ledger import audit_log
from millrace.ledger.audit_rows import stored_rows
from millrace.records.base import Record
from millrace.records.governance import AuditAction, AuditEntry
from tasks.audit_anchors import anchor_line, append_line, release_signer
from tasks.audit_log import process_actor, tell_audit_log
from tasks.home import Home
from tasks.run import utc_now


class ShownEntry(Record):
    """An entry, or what cannot be read as one: then only its sequence and the problem."""

    sequence: int | None
    at: str | None = None
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    details: dict[str, Any] | None = None
    hash: str | None = None
    problem: str | None = None


class ShownEntries(Record):
    """Entries by sequence; ``more`` when others that match lie behind the last."""

    entries: list[ShownEntry]
    more: bool


class TakenAnchor(Record):
    """A head as it was anchored; ``line`` is what was written."""

    sequence: int
    hash: str
    signed: bool
    out: str | None
    line: str


def find_entries(home: Home, *, after: int, action: str | None, subject: str | None, limit: int) -> ShownEntries:
    """Entries that match; rows that cannot be read are shown whatever is asked for.

    Raises:
        BadInputError: no such action.
    """
    if action is not None and action not in get_args(AuditAction):
        raise BadInputError(f"--action: no action {action!r}; there are {', '.join(get_args(AuditAction))}")
    found: list[ShownEntry] = []
    for row in stored_rows(home.ledger, after=after):
        entry = read_entry(row)
        if isinstance(entry, AuditEntry) and (
            (action is not None and entry.action != action) or (subject is not None and entry.subject != subject)
        ):
            continue
        if len(found) == limit:
            return ShownEntries(entries=found, more=True)
        found.append(_shown(entry, row))
    return ShownEntries(entries=found, more=False)


def take_anchor(home: Home, out: Path | None) -> TakenAnchor:
    """Write the head, then note in the log that this was done.

    Raises:
        BadInputError: the file cannot be written, or the signing key cannot be used.
    """
    head, signer = audit_log.head(home.ledger), release_signer(home)
    line = anchor_line(head, utc_now(), signer)
    if out is not None:
        try:
            append_line(out.absolute(), line)
        except OSError as error:
            raise BadInputError(f"{out} cannot be written: {error.strerror}", file=str(out)) from error
    details = {"sequence": head.sequence, "hash": head.hash, "key_id": signer.key_id if signer else None}
    tell_audit_log(home, "head-anchored", actor=process_actor(), subject="audit-log", details=details)
    return TakenAnchor(
        sequence=head.sequence,
        hash=head.hash,
        signed=signer is not None,
        out=None if out is None else str(out),
        line=line.decode(),
    )


def _shown(entry: AuditEntry | str, row: dict[str, Any]) -> ShownEntry:
    if isinstance(entry, AuditEntry):
        values = entry.model_dump(mode="json", exclude={"previous"})
        return ShownEntry.model_validate(values)
    sequence = row.get("sequence")
    return ShownEntry(sequence=sequence if type(sequence) is int else None, problem=entry)
