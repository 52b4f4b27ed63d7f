"""Durable writes: a file exists whole or not at all, also after a power cut."""

import contextlib
import os
import tempfile
import threading
from pathlib import Path, PurePosixPath


def is_safe_name(name: str) -> bool:
    """Whether a name stays in the folder it is joined to: relative, with slashes, no part ``.``, ``..`` or empty."""
    path = PurePosixPath(name)
    plain = bool(name) and "\0" not in name and "\\" not in name and str(path) == name
    return plain and not path.is_absolute() and ".." not in path.parts and name != "."


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: temporary sibling, fsync, rename, fsync of the folder.

    Raises:
        OSError: the disk refused; ``path`` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_once(path: Path, content: bytes) -> None:
    """Let a file of the owner's appear, whole, unless it is there: of several processes the first decides.

    Raises:
        OSError: the folder cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # readable by the owner only
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
    sync_folder(path.parent)
