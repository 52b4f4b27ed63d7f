"""What a backup of a home says of itself, and what a check of one found."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from millrace.records.base import Record, Sha256
from millrace.records.trace import UtcTime

Problem = Literal["damaged", "changed", "missing", "additional", "unsafe", "unreadable"]


class BackupAbout(Record):
    """The first thing in a backup: enough to refuse it, or to make room for it, before anything else is read."""

    format: PositiveInt
    millrace: str = Field(min_length=1, description="Version of the Millrace that made it")
    schema_version: PositiveInt = Field(description="Of the ledger")
    kinds: dict[str, PositiveInt] = Field(description="Highest schema version of each kind of dataset in it")
    made_at: UtcTime
    n_files: NonNegativeInt
    n_bytes: NonNegativeInt = Field(description="Of all files together, unpacked")
    n_disk_bytes: NonNegativeInt = Field(description="Of the disk; fewer where files have holes, as an index has")
    secrets: list[str] = Field(description="Files that must stay readable by the owner only")
    left_out: list[str] = Field(description="What lay in the home and is not in the backup, beside caches")


class BackupFile(Record):
    """One file of the home; ``start`` and ``end`` bound its entry in the unpacked archive, headers included."""

    name: str = Field(min_length=1, description="Relative to the home, with slashes")
    sha256: Sha256
    n_bytes: NonNegativeInt
    start: NonNegativeInt
    end: NonNegativeInt


class BackupManifest(Record):
    """The last thing in a backup: every file, in the order of the archive."""

    files: list[BackupFile]


class BackupFinding(Record):
    """Something that is not as it was written; ``name`` is a file of the home, None for the archive itself."""

    name: str | None
    problem: Problem
    message: str


class BackupVerdict(Record):
    """Whether every byte of a backup is as it was written."""

    backup: str
    verified: bool
    about: BackupAbout | None = Field(None, description="None when not even that can be read")
    findings: list[BackupFinding] = []


class Backup(Record):
    """A backup that was made."""

    file: str
    sha256: Sha256
    n_packed_bytes: NonNegativeInt
    about: BackupAbout


class Restored(Record):
    """A home that was made of a backup."""

    home: str
    backup: str
    about: BackupAbout
    schema_version: PositiveInt = Field(description="Of the ledger now: an older one was migrated")
    unended_runs: list[str] = Field(description="Runs that ran or waited when the backup was made, to be resumed")
