"""Copying and checking the files of an index snapshot, which are large on paper and mostly holes."""

import hashlib
import os
from pathlib import Path

from millrace.datasets.files import is_safe_name
from millrace.errors import DamagedDatasetError

_BLOCK = 1 << 20  # bytes
_ZEROS = bytes(_BLOCK)


def list_files(folder: Path) -> dict[str, str]:
    """Relative path and sha256 of every file under ``folder``, sorted by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in paths}


def copy_verified(source: Path, target: Path, files: dict[str, str]) -> None:
    """Copy ``files`` (relative path to sha256), leaving holes where a block is all zeros.

    Raises:
        DamagedDatasetError: a file is missing or differs; ``path``, ``expected`` and ``found`` say which and how.
    """
    for name, expected in sorted(files.items()):
        path = source / name
        if not is_safe_name(name) or not path.is_file():
            raise DamagedDatasetError(f"{path} is missing", path=str(path), expected=expected)
        found = _copy(path, target / name)
        if found != expected:
            raise DamagedDatasetError(
                f"{path} is damaged: sha256 {found} instead of {expected}",
                path=str(path),
                expected=expected,
                found=found,
            )


def sync_tree(folder: Path) -> None:
    """Make every file and folder under ``folder`` durable."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copy(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("wb") as writer:
        while block := reader.read(_BLOCK):
            digest.update(block)
            if block == _ZEROS[: len(block)]:
                writer.seek(len(block), os.SEEK_CUR)
            else:
                writer.write(block)
        writer.truncate(reader.tell())
    return digest.hexdigest()
