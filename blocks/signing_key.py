"""The key that releases are signed with: a file that only its owner can read."""

import os
import stat
from pathlib import Path

from millrace.adapters.ed25519 import Ed25519Signer, Ed25519Verifier, new_private_pem
from millrace.datasets.files import publish_once, write_atomic
from millrace.errors import BadInputError, NotFoundError
from millrace.records.base import Record

KEY_VARIABLE = "MILLRACE_SIGNING_KEY"
KEY_FILE = "release-signing.pem"
PUBLIC_SUFFIX = ".pub.pem"
_LARGEST_KEY = 65_536  # bytes


class SigningKey(Record):
    """Where the two halves lie; nothing of the private one."""

    private_key: Path
    public_key: Path
    key_id: str
    created: bool


def signing_key_path(home: Path) -> Path:
    """The file that ``MILLRACE_SIGNING_KEY`` names, else ``keys/release-signing.pem`` in the home."""
    named = os.environ.get(KEY_VARIABLE, "").strip()
    return Path(named).expanduser().absolute() if named else home / "keys" / KEY_FILE


def open_signer(home: Path) -> Ed25519Signer:
    """The signing key.

    Raises:
        NotFoundError: there is none; the message says which command makes one.
        BadInputError: others than its owner can read the file, or it holds no such key.
    """
    path = signing_key_path(home)
    return Ed25519Signer.from_pem(_read_private(path), str(path))


def make_key(home: Path, out: Path | None = None) -> SigningKey:
    """The signing key, made when there is none yet, and its public half written beside it or to ``out``.

    Raises:
        BadInputError: the key that is there cannot be used, or ``out`` holds something else.
    """
    path = signing_key_path(home)
    created = not path.exists()
    if created:
        _publish(path, new_private_pem())
    verifier = open_signer(home).verifier
    public = (out or path.with_name(path.name.removesuffix(".pem") + PUBLIC_SUFFIX)).absolute()
    _write_public(public, verifier)
    return SigningKey(private_key=path, public_key=public, key_id=verifier.key_id, created=created)


def _write_public(path: Path, verifier: Ed25519Verifier) -> None:
    """A file that holds anything else is left alone: it may be another key that people rely on."""
    try:
        if path.exists():
            if path.read_bytes() != verifier.pem:
                raise BadInputError(f"{path} exists and is not this key: name another file with --out", file=str(path))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, verifier.pem)
    except OSError as error:
        raise BadInputError(f"{path} cannot be written: {error.strerror}", file=str(path)) from error


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadInputError(f"the signing key {path} is not a file", file=str(path))
            if status.st_mode & 0o077:
                raise BadInputError(
                    f"the signing key {path} can be read or written by others than its owner "
                    f"(mode {stat.S_IMODE(status.st_mode):04o}): `chmod 600 {path}`, and if others could have read it, "
                    "make a new one",
                    file=str(path),
                )
            return stream.read(_LARGEST_KEY)
    except FileNotFoundError:
        raise NotFoundError(
            f"no signing key at {path}: make one with `millrace release-key`, or name a file with {KEY_VARIABLE}",
            file=str(path),
        ) from None
    except OSError as error:
        raise BadInputError(f"the signing key {path} cannot be read: {error.strerror}", file=str(path)) from error


def _publish(path: Path, pem: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        publish_once(path, pem)
    except OSError as error:
        raise BadInputError(f"no signing key can be made at {path}: {error.strerror}", file=str(path)) from error
