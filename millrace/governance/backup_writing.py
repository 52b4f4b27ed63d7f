"""Writing a backup: what it is, every file, and the list of them, as a tar archive in sealed blocks."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from millrace.datasets.canonical import canonical_json
from millrace.governance.backup_blocks import BlockWriter
from millrace.records.backup import BackupAbout, BackupFile, BackupManifest
from millrace.records.base import Record

FORMAT = 1
Show = Callable[[int, int], None]
"""Told how many bytes of the files are done, and how many there are."""

ABOUT_ENTRY, MANIFEST_ENTRY, HOME_ENTRIES = "backup.json", "manifest.json", "home/"


def write_backup(stream: BinaryIO, stage: Path, files: Sequence[Path], about: BackupAbout, show: Show) -> BlockWriter:
    """Write the files, which nobody may change meanwhile, in this order.

    Args:
        stage: the folder that their names are relative to.

    Returns:
        The writer, which knows size and sha256 of what was written.

    Raises:
        OSError: a file cannot be read or is shorter than it was, or nothing can be written.
    """
    writer, advance = BlockWriter(stream), counter(about.n_bytes, show)
    with tarfile.open(fileobj=cast(BinaryIO, writer), mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add_record(archive, ABOUT_ENTRY, about)
        listed = [_add_file(archive, path, path.relative_to(stage).as_posix(), advance) for path in files]
        writer.begin_list()
        _add_record(archive, MANIFEST_ENTRY, BackupManifest(files=listed))
    writer.finish()
    return writer


def counter(total: int, show: Show) -> Callable[[int], None]:
    """Adds up what is done, and shows it."""
    done = 0

    def advance(n_more: int) -> None:
        nonlocal done
        done += n_more
        show(done, total)

    return advance


def _add_file(archive: tarfile.TarFile, path: Path, name: str, advance: Callable[[int], None]) -> BackupFile:
    start = archive.offset
    with path.open("rb") as opened:
        status = os.fstat(opened.fileno())
        counted = _Hashing(opened, advance)
        entry = _entry(f"{HOME_ENTRIES}{name}", status.st_size, status.st_mode & 0o777)
        archive.addfile(entry, cast(BinaryIO, counted))
    sha256 = counted.digest.hexdigest()
    return BackupFile(name=name, sha256=sha256, n_bytes=status.st_size, start=start, end=archive.offset)


def _add_record(archive: tarfile.TarFile, name: str, record: Record) -> None:
    data = canonical_json(record)
    archive.addfile(_entry(name, len(data), 0o600), io.BytesIO(data))


def _entry(name: str, n_bytes: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = n_bytes, mode
    return entry


class _Hashing:
    """Reads a file and hashes what was read."""

    def __init__(self, stream: BinaryIO, advance: Callable[[int], None]) -> None:
        self.digest = hashlib.sha256()
        self._stream = stream
        self._advance = advance

    def read(self, n_bytes: int) -> bytes:
        data = self._stream.read(n_bytes)
        self.digest.update(data)
        self._advance(len(data))
        return data
