"""The key that releases are signed with: a file that only its owner can read."""

import os
from pathlib import Path

from blocks.private_keys import publish_private_key, read_private_key
from millrace.adapters.ed25519 import Ed25519Signer, Ed25519Verifier, new_private_pem
from millrace.datasets.files import write_atomic
from millrace.errors import BadInputError
from millrace.records.base import Record

KEY_VARIABLE = "MILLRACE_SIGNING_KEY"
KEY_FILE = "release-signing.pem"
PUBLIC_SUFFIX = ".pub.pem"
_KEY = "signing key"
_HOW_TO_MAKE = f"make one with `millrace release-key`, or name a file with {KEY_VARIABLE}"


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
    return Ed25519Signer.from_pem(read_private_key(path, _KEY, _HOW_TO_MAKE), str(path))


def make_key(home: Path, out: Path | None = None) -> SigningKey:
    """The signing key, made when there is none yet, and its public half written beside it or to ``out``.

    Raises:
        BadInputError: the key that is there cannot be used, or ``out`` holds something else.
    """
    path = signing_key_path(home)
    created = not path.exists()
    if created:
        publish_private_key(path, new_private_pem(), _KEY)
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
