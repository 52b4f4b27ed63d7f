"""Files that hold a private key: made once, readable by their owner only, refused when others could read them."""

import os
import stat
from pathlib import Path

from millrace.datasets.files import publish_once
from millrace.errors import BadInputError, NotFoundError

_LARGEST_KEY = 65_536  # bytes


def read_private_key(path: Path, what: str, how_to_make: str) -> bytes:
    """The file's bytes.

    Args:
        what: the key in words, as ``signing key``.
        how_to_make: ends the message when there is no file.

    Raises:
        NotFoundError: there is none.
        BadInputError: others than its owner can read or write it, or it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            _check_owner_only(path, os.fstat(stream.fileno()), what)
            return stream.read(_LARGEST_KEY)
    except FileNotFoundError:
        raise NotFoundError(f"no {what} at {path}: {how_to_make}", file=str(path)) from None
    except OSError as error:
        raise BadInputError(f"the {what} {path} cannot be read: {error.strerror}", file=str(path)) from error


def publish_private_key(path: Path, pem: bytes, what: str) -> None:
    """Write it with mode 0600, unless a file is there already.

    Raises:
        BadInputError: the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        publish_once(path, pem)
    except OSError as error:
        raise BadInputError(f"no {what} can be made at {path}: {error.strerror}", file=str(path)) from error


def _check_owner_only(path: Path, status: os.stat_result, what: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BadInputError(f"the {what} {path} is not a file", file=str(path))
    if status.st_mode & 0o077:
        raise BadInputError(
            f"the {what} {path} can be read or written by others than its owner "
            f"(mode {stat.S_IMODE(status.st_mode):04o}): `chmod 600 {path}`, and if others could have read it, "
            "make a new one",
            file=str(path),
        )
