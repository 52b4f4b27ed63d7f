"""Whether every byte of a backup is as it was written, and if not, what is hit."""

from pathlib import Path
from typing import BinaryIO

from millrace.errors import BadInputError, NotFoundError
from millrace.governance.backup_damage import damage_in
from millrace.governance.backup_reading import FoundError, read_backup
from millrace.governance.backup_writing import Show
from millrace.records.backup import BackupAbout, BackupFinding, BackupVerdict


def verify_backup(path: Path, show: Show) -> BackupVerdict:
    """Read every byte of a backup again; what is damaged is named, with every file that it hits.

    Raises:
        NotFoundError: no such file.
        BadInputError: it cannot be read.
    """
    about: list[BackupAbout] = []
    with opened_backup(path) as stream:
        try:
            findings = read_backup(stream, about.append, None, show).findings
        except FoundError as found:
            findings = findings_of(stream, found)
    return BackupVerdict(backup=str(path), verified=not findings, about=about[0] if about else None, findings=findings)


def findings_of(stream: BinaryIO, found: FoundError) -> list[BackupFinding]:
    """Every file that is hit, where damage ended the reading and names are known; otherwise what ended it."""
    if found.finding.problem != "damaged":
        return [found.finding]
    damaged = damage_in(stream)
    return damaged if any(finding.name for finding in damaged) else [found.finding]


def opened_backup(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        NotFoundError: no such file.
        BadInputError: it cannot be read.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise NotFoundError(f"no backup at {path}", file=str(path)) from None
    except OSError as error:
        raise BadInputError(f"the backup {path} cannot be read: {error.strerror}", file=str(path)) from error
