"""Notes of the audit log's head that lie elsewhere: who can change the home cannot change these too.

An anchor file has one JSON document a line: a head with its time, or a DSSE envelope with a signed one.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from blocks.signing_key import open_signer
from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError, NotFoundError
from millrace.governance.audit_chain import Problem, Witness
from millrace.ports import Signer, Verifier
from millrace.records.governance import AuditHead
from millrace.records.trace import UtcTime
from millrace.releases import dsse
from tasks.home import Home
from tasks.run import log

ANCHOR_VARIABLE = "MILLRACE_AUDIT_ANCHOR"
PAYLOAD_TYPE = "application/vnd.millrace.audit-head+json"
_LONGEST_LINE = 65_536  # bytes


class Anchor(AuditHead):
    """A head, and when it was noted."""

    at: UtcTime


def anchor_path() -> Path | None:
    """The file that ``MILLRACE_AUDIT_ANCHOR`` names; None without one."""
    named = os.environ.get(ANCHOR_VARIABLE, "").strip()
    return Path(named).expanduser().absolute() if named else None


def anchor_elsewhere(home: Home, head: AuditHead, at: datetime) -> None:
    """Append a head to the file of the environment; that this is impossible is a warning and stops nobody."""
    path = anchor_path()
    if path is None:
        return
    if path.resolve().is_relative_to(home.root.resolve()):
        log().warning("%s names %s, which lies in the home and proves nothing there", ANCHOR_VARIABLE, path)
        return
    try:
        append_line(path, anchor_line(head, at, None))
    except OSError as error:
        log().warning("the head of the audit log was not anchored in %s: %s", path, error.strerror)


def anchor_line(head: AuditHead, at: datetime, signer: Signer | None) -> bytes:
    """A head as a line of an anchor file, signed where there is a key."""
    payload = canonical_json(Anchor(sequence=head.sequence, hash=head.hash, at=at))
    return payload if signer is None else dsse.sign(PAYLOAD_TYPE, payload, [signer]).to_json()


def release_signer(home: Home) -> Signer | None:
    """The key that releases are signed with; None when none was made.

    Raises:
        BadInputError: there is one, and it cannot be used.
    """
    try:
        return open_signer(home.root)
    except NotFoundError:
        return None


def append_line(path: Path, line: bytes) -> None:
    """Add a line durably, whole or not at all; one that a crash of the machine left torn is ended first.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = (b"\n" if torn else b"") + line + b"\n"
        if os.write(descriptor, data) != len(data):
            os.ftruncate(descriptor, size)
            raise OSError(28, "no space left")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def anchors_in(path: Path, verifier: Verifier | None) -> Iterator[Witness]:
    """The witnesses of an anchor file, line by line; what is no anchor is a witness with a problem.

    Args:
        verifier: whoever must have signed every line; None takes the lines as they are.

    Raises:
        NotFoundError: no such file.
        BadInputError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE), b""), start=1):
                if line.strip():
                    yield _witness(f"{path.name}:{number}", line, verifier)
    except FileNotFoundError:
        raise NotFoundError(f"no anchor file {path}", file=str(path)) from None
    except OSError as error:
        raise BadInputError(f"the anchor file {path} cannot be read: {error.strerror}", file=str(path)) from error


def _witness(name: str, line: bytes, verifier: Verifier | None) -> Witness:
    problem: Problem = "witness_unreadable"
    try:
        payload = line
        if b'"payloadType"' in line:
            envelope = dsse.read_envelope(line)
            if envelope.payload_type != PAYLOAD_TYPE:
                return Witness(name, None, problem, "its envelope holds something else than an anchor")
            if verifier is not None and not dsse.is_signed_by(envelope, verifier):
                return Witness(name, None, "witness_unsigned", "its signature is not that of the key given")
            payload = envelope.payload
        elif verifier is not None:
            return Witness(name, None, "witness_unsigned", "a key was given, and this line is not signed")
        anchor = Anchor.model_validate(json.loads(payload))
    except (ValueError, RecursionError, BadInputError):
        return Witness(name, None, problem, "it is no anchor")
    return Witness(name, AuditHead(sequence=anchor.sequence, hash=anchor.hash))
