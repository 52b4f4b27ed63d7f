"""Checks a home's audit log against itself, its own witness, and anchors."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from millrace.governance.audit_chain import AuditVerdict, Witness, verify_chain
from millrace.ledger.audit_rows import stored_rows
from millrace.ports import Verifier
from tasks.audit_anchors import anchor_path, anchors_in
from tasks.audit_log import witness_of, witness_path
from tasks.home import Home


def verify_audit_log(home: Home, anchors: Sequence[Path] = (), verifier: Verifier | None = None) -> AuditVerdict:
    """Read the log once and hold it against every note of its head.

    Args:
        anchors: files of anchors; the one that MILLRACE_AUDIT_ANCHOR names is used too where it exists.
        verifier: whoever must have signed every line of ``anchors``.

    Raises:
        NotFoundError: an anchor file is not there.
    """
    streams = [_own_witness(home), *(anchors_in(path, verifier) for path in anchors)]
    named = anchor_path()
    if named is not None and named.is_file() and not any(named.samefile(path) for path in anchors if path.exists()):
        streams.append(anchors_in(named, None))
    return verify_chain(stored_rows(home.ledger), *streams)


def _own_witness(home: Home) -> Iterator[Witness]:
    """The home's own; a log whose first entry was never witnessed was killed just then, or lost the note."""
    name = str(witness_path(home).relative_to(home.root))
    try:
        head = witness_of(home)
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError, RecursionError, OSError):
        yield Witness(name, None, message="the home's own note cannot be read")
        return
    if head is not None:
        yield Witness(name, head)
