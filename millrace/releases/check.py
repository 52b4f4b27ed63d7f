"""Checks a release with nothing but its folder and a public key."""

import stat
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from millrace.datasets.files import is_safe_name
from millrace.errors import BadInputError, NotFoundError
from millrace.ports import Verifier
from millrace.records.release import ReleaseFinding, ReleaseManifest, ReleaseVerdict
from millrace.releases.dsse import Envelope, is_signed_by, read_envelope
from millrace.releases.files import digest_of, entries
from millrace.releases.manifest import (
    DERIVED_FILES,
    ENVELOPE_FILE,
    JSON_FILE,
    MARKDOWN_FILE,
    content_hash,
    manifest_json,
    manifest_markdown,
)
from millrace.releases.statement import PAYLOAD_TYPE, PREDICATE_TYPE, Statement, read_statement

_LARGEST_ENVELOPE = 2**28  # bytes; one of a release with 100 000 files has a tenth of it
Findings = Iterator[ReleaseFinding]


def check_release(folder: Path, verifier: Verifier) -> ReleaseVerdict:
    """Whether every byte of the folder is what the key's owner signed.

    While the signature does not hold, nothing else is looked at: the list of files could be anybody's.

    Raises:
        NotFoundError: no such folder.
        BadInputError: something in it cannot be read.
    """
    if not folder.is_dir():
        what = "is a file: unpack it, and name the folder" if folder.exists() else "is not there"
        raise NotFoundError(f"release {folder} {what}", release=str(folder))
    verdict = ReleaseVerdict(release=str(folder), verified=False, key_id=verifier.key_id)
    try:
        signed = _signed(folder, verifier)
    except _FoundError as found:
        return verdict.model_copy(update={"findings": [found.finding]})
    manifest, findings = _manifest(signed)
    findings += _statement_names(signed)
    findings += _files(folder, dict(signed.subjects), _sizes(manifest))
    facts: dict[str, object] = {"n_files": len(signed.subjects), "verified": not findings, "findings": findings}
    if manifest is not None:
        facts |= {"version": manifest.version, "content_hash": manifest.content_hash}
        if manifest.approval is not None:
            facts |= manifest.approval.model_dump(include={"proof", "role"})
            facts |= {"approved_by": manifest.approval.reviewer}
    return verdict.model_copy(update=facts)


class _FoundError(Exception):
    """The signature does not hold."""

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.finding = ReleaseFinding.model_validate({"file": ENVELOPE_FILE, "problem": problem, "message": message})


def _signed(folder: Path, verifier: Verifier) -> Statement:
    """What the key's owner signed."""
    envelope = _envelope(folder)
    if not is_signed_by(envelope, verifier):
        raise _not_signed(envelope, verifier)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise _FoundError("unknown_statement", f"the signed payload is of type {envelope.payload_type!r}")
    try:
        return read_statement(envelope.payload)
    except BadInputError as error:
        raise _FoundError("unknown_statement", str(error)) from error


def _envelope(folder: Path) -> Envelope:
    path = folder / ENVELOPE_FILE
    try:
        status = path.lstat()
    except FileNotFoundError:
        raise _FoundError("unsigned", f"there is no {ENVELOPE_FILE}: nobody signed this folder") from None
    if not stat.S_ISREG(status.st_mode):
        raise _FoundError("bad_envelope", "it is no file of this folder")
    if status.st_size > _LARGEST_ENVELOPE:
        raise _FoundError("bad_envelope", f"it has {status.st_size} bytes, more than any envelope")
    try:
        data = path.read_bytes()
        envelope = read_envelope(data)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    except BadInputError as error:
        raise _FoundError("bad_envelope", str(error)) from error
    if envelope.to_json() != data:  # else spaces, or the other Base64 alphabet, could change it unnoticed
        raise _FoundError("bad_envelope", "it says the same, but is not written as Millrace writes it: it was changed")
    return envelope


def _not_signed(envelope: Envelope, verifier: Verifier) -> _FoundError:
    named = [each.key_id or "no named key" for each in envelope.signatures]
    if not named:
        return _FoundError("unsigned", "the envelope holds no signature")
    if verifier.key_id in named:
        return _FoundError(
            "bad_signature", f"the signature of key {verifier.key_id} does not fit: what it signed was changed"
        )
    return _FoundError("wrong_key", f"signed by {', '.join(named)}, not by {verifier.key_id}")


def _manifest(signed: Statement) -> tuple[ReleaseManifest | None, list[ReleaseFinding]]:
    """The signed manifest, and where the statement contradicts it."""
    if signed.predicate_type != PREDICATE_TYPE:
        message = f"the manifest is of type {signed.predicate_type!r}, this Millrace knows {PREDICATE_TYPE}"
        return None, [ReleaseFinding(file=ENVELOPE_FILE, problem="unknown_statement", message=message)]
    try:
        manifest = ReleaseManifest.model_validate(signed.predicate)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        message = f"the signed manifest is not valid at {where}: {error.errors()[0]['msg']}"
        return None, [ReleaseFinding(file=ENVELOPE_FILE, problem="unknown_statement", message=message)]
    return manifest, list(_contradictions(manifest, dict(signed.subjects)))


def _contradictions(manifest: ReleaseManifest, subjects: dict[str, str]) -> Findings:
    rendered = {JSON_FILE: manifest_json(manifest), MARKDOWN_FILE: manifest_markdown(manifest)}
    for name, content in rendered.items():
        expected, found = sha256(content).hexdigest(), subjects.get(name)
        if found != expected:
            message = "the signed file is not what the signed manifest reads as"
            yield ReleaseFinding(file=name, problem="manifest_differs", message=message, expected=expected, found=found)
    listed = {file.name: file.sha256 for file in manifest.files}
    others = {name: digest for name, digest in subjects.items() if name not in DERIVED_FILES}
    for name in sorted(listed.keys() | others.keys()):
        if listed.get(name) != others.get(name):
            message = "manifest and signed list of files say different things of it"
            yield ReleaseFinding(
                file=name,
                problem="manifest_differs",
                message=message,
                expected=listed.get(name),
                found=others.get(name),
            )
    again = content_hash(manifest.run.run_hash, manifest.files, manifest.golden)
    if again != manifest.content_hash:
        message = "the manifest's content hash is not that of its files"
        yield ReleaseFinding(
            file=JSON_FILE, problem="manifest_differs", message=message, expected=manifest.content_hash, found=again
        )


def _statement_names(signed: Statement) -> Findings:
    for name, n in Counter(name for name, _ in signed.subjects).items():
        if n > 1:
            yield ReleaseFinding(file=name, problem="unsafe_name", message=f"the signed list names it {n} times")
        if not is_safe_name(name) or name == ENVELOPE_FILE:
            message = "the signed list names something that no file of a release can be: it was not opened"
            yield ReleaseFinding(file=name, problem="unsafe_name", message=message)


def _files(folder: Path, subjects: dict[str, str], sizes: dict[str, int]) -> Findings:
    """Everything in the folder against the signed list; only what the folder itself lists is ever opened."""
    missing = {name for name in subjects if is_safe_name(name) and name != ENVELOPE_FILE}
    for name, status in entries(folder):
        missing.discard(name)
        shown = name.encode("utf-8", "backslashreplace").decode()
        if stat.S_ISLNK(status.st_mode):
            message = "a link: a release holds its files itself; it was not followed"
            yield ReleaseFinding(file=shown, problem="link", message=message)
        elif not stat.S_ISREG(status.st_mode):
            yield ReleaseFinding(file=shown, problem="not_a_file", message="a device, pipe or socket")
        elif name == ENVELOPE_FILE:
            continue
        elif name not in subjects:
            message = "nobody signed this file"
            yield ReleaseFinding(file=shown, problem="additional", message=message, found_bytes=status.st_size)
        else:
            yield from _changed(folder, name, subjects[name], sizes.get(name))
    for name in sorted(missing):
        message = "the file is not there"
        yield ReleaseFinding(
            file=name, problem="missing", message=message, expected=subjects[name], expected_bytes=sizes.get(name)
        )


def _changed(folder: Path, name: str, expected: str, n_bytes: int | None) -> Findings:
    found, found_bytes = digest_of(folder / name)
    if found != expected:
        yield ReleaseFinding(
            file=name,
            problem="changed",
            message="the file holds other bytes than were signed",
            expected=expected,
            found=found,
            expected_bytes=n_bytes,
            found_bytes=found_bytes,
        )


def _sizes(manifest: ReleaseManifest | None) -> dict[str, int]:
    if manifest is None:
        return {}
    derived = {JSON_FILE: manifest_json(manifest), MARKDOWN_FILE: manifest_markdown(manifest)}
    return {file.name: file.n_bytes for file in manifest.files} | {name: len(text) for name, text in derived.items()}
