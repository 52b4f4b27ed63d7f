"""A reviewer's key: the private half in the person's own folder, never in a home; the public half in the ledger."""

import os
from pathlib import Path

from blocks.private_keys import publish_private_key, read_private_key
from millrace.adapters.ed25519 import Ed25519Signer, Ed25519Verifier, new_private_pem
from millrace.errors import BadInputError
from millrace.ledger.reviewers import Reviewer, reviewer_name
from millrace.records.base import Record

KEYS_VARIABLE = "MILLRACE_REVIEWER_KEYS"
_SUFFIX = ".pem"
_KEY = "reviewer's key"


class ReviewerKey(Record):
    """Where the private half lies, and the public half; nothing of the private one."""

    private_key: Path
    public_key: str
    key_id: str
    created: bool


def reviewer_keys_folder(home: Path) -> Path:
    """The folder that ``MILLRACE_REVIEWER_KEYS`` names, else ``~/.config/millrace/keys``.

    Raises:
        BadInputError: it lies in the home, whose readers and backups must not have the keys.
    """
    named = os.environ.get(KEYS_VARIABLE, "").strip()
    folder = (Path(named) if named else Path("~/.config/millrace/keys")).expanduser().absolute()
    if folder.resolve().is_relative_to(home.resolve()):
        raise BadInputError(
            f"reviewers' keys must not lie in the home {home}, as {folder} does: name another folder with "
            f"{KEYS_VARIABLE}",
            folder=str(folder),
        )
    return folder


def reviewer_key_path(home: Path, name: str) -> Path:
    """The file of that reviewer's private key."""
    return reviewer_keys_folder(home) / f"{reviewer_name(name)}{_SUFFIX}"


def has_reviewer_key(home: Path, name: str) -> bool:
    """Whether there is such a file here; nothing says that it can be used."""
    return reviewer_key_path(home, name).is_file()


def open_reviewer_signer(home: Path, reviewer: Reviewer) -> Ed25519Signer:
    """The reviewer's key.

    Raises:
        NotFoundError: it is not here.
        BadInputError: others can read the file, it holds no such key, or another than the ledger knows.
    """
    path = reviewer_key_path(home, reviewer.name)
    signer = _open(path)
    if signer.key_id != reviewer.key_id:
        raise BadInputError(f"{path} is not the key that {reviewer.name} is a reviewer with", file=str(path))
    return signer


def make_reviewer_key(home: Path, name: str) -> ReviewerKey:
    """The person's key, made when there is none yet.

    Raises:
        BadInputError: no name for a reviewer, or the key that is there cannot be used.
    """
    path = reviewer_key_path(home, name)
    created = not path.exists()
    if created:
        publish_private_key(path, new_private_pem(), _KEY)
    verifier = _open(path).verifier
    return ReviewerKey(private_key=path, public_key=verifier.pem.decode(), key_id=verifier.key_id, created=created)


def open_reviewer_verifier(reviewer: Reviewer) -> Ed25519Verifier:
    """The public half, as the ledger has it.

    Raises:
        BadInputError: what the ledger has is no such key, or not the one of its id.
    """
    verifier = read_public_key(reviewer.public_key.encode(), f"the key of reviewer {reviewer.name}")
    if verifier.key_id != reviewer.key_id:
        raise BadInputError(f"the ledger's key of reviewer {reviewer.name} is not the one of its id")
    return verifier


def read_public_key(pem: bytes, name: str) -> Ed25519Verifier:
    """A public key that somebody handed over.

    Raises:
        BadInputError: not an ed25519 public key in PEM.
    """
    return Ed25519Verifier.from_pem(pem, name)


def _open(path: Path) -> Ed25519Signer:
    how_to_make = f"it lies with the person whose it is; {KEYS_VARIABLE} names another folder"
    return Ed25519Signer.from_pem(read_private_key(path, _KEY, how_to_make), str(path))
