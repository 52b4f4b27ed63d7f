"""What lies in a model's folder, told by its content."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from millrace.datasets.canonical import sha256_json


def content_hash(folder: Path, patterns: Iterable[str]) -> str:
    """One sha256 over names and content of the files, in the folder and below, that fit a pattern; 64 hex digits."""
    files = sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})
    return sha256_json([[path.relative_to(folder).as_posix(), _file_hash(path, *_version(path))] for path in files])


def _version(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=256)
def _file_hash(path: Path, _size: int, _changed_ns: int) -> str:
    """Weights take seconds to hash, and identities are asked for often."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
