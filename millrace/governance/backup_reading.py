"""Reading a backup that anybody may have made or damaged: nothing in it is believed before it was checked."""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, TypeVar, cast

from pydantic import ValidationError

from millrace.datasets.files import is_safe_name
from millrace.errors import NewerHomeError
from millrace.governance.backup_blocks import BLOCK, BlockReader, BrokenStreamError
from millrace.governance.backup_writing import ABOUT_ENTRY, FORMAT, HOME_ENTRIES, MANIFEST_ENTRY, Show, counter
from millrace.ledger.schema import SCHEMA_VERSION
from millrace.records.backup import BackupAbout, BackupFile, BackupFinding, BackupManifest, Problem
from millrace.records.base import Record
from millrace.records.kinds import KINDS

_CHUNK = 2**16
_LARGEST_ABOUT, _LARGEST_MANIFEST = 2**24, 2**31  # bytes
R = TypeVar("R", bound=Record)


class FoundError(Exception):
    """What was found, where nothing more can be read."""

    def __init__(self, name: str | None, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.finding = BackupFinding(name=name, problem=problem, message=message)


@dataclass(frozen=True)
class Contents:
    """A backup that was read to its end, and what in it is not as its list of files says."""

    about: BackupAbout
    findings: list[BackupFinding]


Accept = Callable[[BackupAbout], None]


def read_backup(stream: BinaryIO, accept: Accept, into: Path | None, show: Show) -> Contents:
    """Read everything, and write its files into an empty folder when one is given.

    Args:
        accept: given what the backup says of itself, before any file is read; may raise.

    Raises:
        FoundError: it is damaged, no backup, or an entry is nothing that a home can hold.
        OSError: nothing can be written.
    """
    reader, place = BlockReader(stream), "the beginning"
    try:
        with tarfile.open(fileobj=cast(BinaryIO, reader), mode="r|", bufsize=BLOCK) as archive:
            entries = iter(archive)
            about = _read_about(archive, next(entries, None))
            accept(about)
            files = _Files(archive, about, into, show)
            for entry in entries:
                place = entry.name
                if entry.name == MANIFEST_ENTRY:
                    listed = _record(archive, entry, BackupManifest, _LARGEST_MANIFEST).files
                    _check_end(next(entries, None), reader)
                    return Contents(about, list(_differences(listed, files.found)))
                files.take(entry)
    except BrokenStreamError as error:
        raise FoundError(None, "damaged", f"{error.damage}; reading came as far as {place}") from error
    except tarfile.TarError as error:
        raise FoundError(None, "unreadable", f"no archive of Millrace's behind {place}: {error}") from error
    raise FoundError(None, "missing", f"the list of files is missing behind {place}")


def check_known(about: BackupAbout) -> None:
    """Refuse what this Millrace cannot open.

    Raises:
        NewerHomeError: a newer Millrace made it; the message says what is newer.
    """
    pairs = [("the form of the backup", about.format, FORMAT), ("the ledger", about.schema_version, SCHEMA_VERSION)]
    pairs += [
        (f"datasets of kind {kind}", found, KINDS[kind].version if kind in KINDS else 0)
        for kind, found in sorted(about.kinds.items())
    ]
    for what, found, known in pairs:
        if found > known:
            raise NewerHomeError(
                f"{what} has version {found} in this backup, made by Millrace {about.millrace}, and this one knows up "
                f"to {known}: upgrade Millrace",
                found=found,
                known=known,
            )


class _Files:
    """Takes the files of the archive one after the other."""

    def __init__(self, archive: tarfile.TarFile, about: BackupAbout, into: Path | None, show: Show) -> None:
        self.found: dict[str, tuple[str, int]] = {}  # sha256 and size
        self._archive = archive
        self._into = into
        self._advance = counter(about.n_bytes, show)
        self._n_left = about.n_bytes

    def take(self, entry: tarfile.TarInfo) -> None:
        """Check the name, read the file, and write it where files are wanted."""
        name = self._checked(entry)
        self._n_left -= entry.size
        if self._n_left < 0:
            raise FoundError(name, "additional", "there is more in the backup than it says of itself")
        stream = self._archive.extractfile(entry)
        if stream is None:
            raise FoundError(name, "unsafe", "no plain file")
        if self._into is None:
            digest = _copied(stream, None, self._advance)
        else:
            target = self._into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                digest = _copied(stream, out, self._advance)
                out.truncate(entry.size)
                os.fchmod(descriptor, entry.mode & 0o755 | 0o600)
        self.found[name] = digest, entry.size

    def _checked(self, entry: tarfile.TarInfo) -> str:
        """The entry's name in the home.

        Raises:
            FoundError: it is no plain file, could lead out of the home, or comes twice.
        """
        name, shown = entry.name.removeprefix(HOME_ENTRIES), repr(entry.name)
        if not entry.isreg():
            raise FoundError(shown, "unsafe", "a link, device or folder: a backup holds plain files only")
        if name == entry.name or not is_safe_name(name):
            raise FoundError(shown, "unsafe", "its name could lead out of the home")
        if name in self.found or any(str(parent) in self.found for parent in PurePosixPath(name).parents):
            raise FoundError(shown, "unsafe", "comes twice, or inside of a file")
        try:
            tarfile.data_filter(entry, str(self._into or "."))
        except tarfile.FilterError as error:
            raise FoundError(shown, "unsafe", str(error)) from error
        return name


def _copied(stream: IO[bytes], out: IO[bytes] | None, advance: Callable[[int], None]) -> str:
    """Read to the end, and write where there is something to write to; the sha256."""
    digest = hashlib.sha256()
    while data := stream.read(_CHUNK):
        if out is not None and data.strip(b"\0"):
            out.write(data)
        elif out is not None:
            out.seek(len(data), os.SEEK_CUR)  # a hole, of which the files of an index mostly consist
        digest.update(data)
        advance(len(data))
    return digest.hexdigest()


def _read_about(archive: tarfile.TarFile, entry: tarfile.TarInfo | None) -> BackupAbout:
    if entry is None or entry.name != ABOUT_ENTRY:
        raise FoundError(None, "unreadable", f"it does not begin with {ABOUT_ENTRY}: no backup of a Millrace home")
    return _record(archive, entry, BackupAbout, _LARGEST_ABOUT)


def _record(archive: tarfile.TarFile, entry: tarfile.TarInfo, model: type[R], most: int) -> R:
    stream = archive.extractfile(entry) if entry.isreg() and entry.size <= most else None
    if stream is None:
        raise FoundError(None, "unreadable", f"{entry.name} is no file, or far too large")
    try:
        return model.model_validate(json.loads(stream.read()))
    except (ValueError, ValidationError) as error:
        raise FoundError(None, "unreadable", f"{entry.name} is not what Millrace writes: {error}") from error


def _check_end(further: tarfile.TarInfo | None, reader: BlockReader) -> None:
    if further is not None:
        raise FoundError(repr(further.name), "additional", "comes behind the list of files")
    while reader.read(BLOCK):
        pass  # to the end mark


def _differences(listed: list[BackupFile], found: dict[str, tuple[str, int]]) -> Iterator[BackupFinding]:
    expected = {file.name: (file.sha256, file.n_bytes) for file in listed}
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield BackupFinding(name=name, problem="missing", message="is listed, and not there")
        elif name not in expected:
            yield BackupFinding(name=name, problem="additional", message="is there, and not listed")
        elif expected[name] != found[name]:
            sides = [f"{digest} ({n_bytes} bytes)" for digest, n_bytes in (expected[name], found[name])]
            yield BackupFinding(name=name, problem="changed", message=f"expected {sides[0]}, found {sides[1]}")
