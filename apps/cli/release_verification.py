"""``millrace verify RELEASE``: a stranger's check of a release, with its folder and a public key and nothing else."""

from pathlib import Path
from typing import Any

from apps.cli.terminal import lines
from millrace.adapters.ed25519 import Ed25519Verifier
from millrace.errors import BadInputError, NotFoundError
from millrace.records.governance import proof_in_words
from millrace.records.release import ReleaseFinding, ReleaseVerdict
from millrace.releases.check import check_release

_LARGEST_KEY = 65_536  # bytes


def verify_release(path: Path, key: Path | None) -> ReleaseVerdict:
    """Check every byte of a release folder against the signature of a key.

    Raises:
        NotFoundError: no such folder or key file.
        BadInputError: no key is given, or something cannot be read.
    """
    if key is None:
        raise BadInputError(
            "give --key: the public key of whoever released it, which you have from them by another way than with the "
            "release; the one that lies in the folder proves nothing"
        )
    return check_release(path, read_public_key(key))


def verdict_lines(verdict: ReleaseVerdict) -> list[Any]:
    """The verdict for a terminal."""
    if verdict.verified:
        proof = proof_in_words(verdict.proof, verdict.role)
        by = f"approved by {verdict.approved_by} ({proof}), " if verdict.approved_by else ""
        return [
            lines(
                f"release {verdict.version}: {verdict.n_files} files, every byte as signed",
                f"{by}key {verdict.key_id}",
                f"content {verdict.content_hash}",
            )
        ]
    n = len(verdict.findings)
    head = (f"release {verdict.release}: {n} finding{'s' if n > 1 else ''}", f"NOT what key {verdict.key_id} signed")
    return [lines(*head, *(line for each in verdict.findings for line in _finding_lines(each)))]


def read_public_key(path: Path) -> Ed25519Verifier:
    """The key in a file.

    Raises:
        NotFoundError: no such file.
        BadInputError: it cannot be read, or holds no such key.
    """
    try:
        with path.open("rb") as stream:
            pem = stream.read(_LARGEST_KEY)
    except FileNotFoundError:
        raise NotFoundError(f"no public key at {path}", file=str(path)) from None
    except OSError as error:
        raise BadInputError(f"the public key {path} cannot be read: {error.strerror}", file=str(path)) from error
    return Ed25519Verifier.from_pem(pem, str(path))


def _finding_lines(finding: ReleaseFinding) -> list[str]:
    """File and message, then what was expected and found, where that is known; a name cannot break its line."""
    name = finding.file if finding.file.isprintable() else repr(finding.file)
    sides = [(side, _seen(finding, side)) for side in ("expected", "found")]
    return [f"{name}: {finding.message}", *(f"  {side:8} {seen}" for side, seen in sides if seen)]


def _seen(finding: ReleaseFinding, side: str) -> str:
    digest, n_bytes = getattr(finding, side), getattr(finding, f"{side}_bytes")
    size = "" if n_bytes is None else f"{n_bytes} bytes"
    return " ".join(each for each in (digest, size) if each)
