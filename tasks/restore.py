"""Makes a home of a backup: built beside its place, checked, and only then given its name."""

import os
import shutil
from pathlib import Path

from millrace.datasets.files import sync_folder
from millrace.errors import BadInputError, UnavailableError
from millrace.governance.backup_check import findings_of, opened_backup
from millrace.governance.backup_contents import KEYS_FOLDER
from millrace.governance.backup_reading import FoundError, check_known, read_backup
from millrace.governance.backup_writing import Show
from millrace.governance.held_folder import held_folder
from millrace.ledger.handover import hand_over
from millrace.ledger.schema import SCHEMA_VERSION
from millrace.records.backup import BackupAbout, BackupFinding, Restored
from tasks.audit_log import tell_audit_log
from tasks.home import Home
from tasks.processes import process_name

_SHOWN = 10


def restore_backup(backup: Path, root: Path, show: Show, *, actor: str) -> Restored:
    """Write the home of a backup to a new place.

    Every file is compared with the backup's list before the home has its name. Runs that ran or waited belong to the
    home alone from then on: no process and no run of Prefect's elsewhere is theirs.

    Raises:
        BadInputError: the place is not empty, the backup is damaged or no backup; the message names files.
        NewerHomeError: a newer Millrace made it.
        UnavailableError: the disk has too little room.
    """
    root = root.absolute()
    _refuse_taken(root)
    parent = root.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with held_folder(parent, f".{root.name}.restoring-") as aside:
            about = _unpack(backup, aside / "home", show)
            unended = _settle(Home(aside / "home"), backup, about, actor)
            os.sync()  # thousands of small files, of which none may be half there once the home has its name
            _refuse_taken(root)
            os.rename(aside / "home", root)
            sync_folder(parent)
    except OSError as error:
        raise BadInputError(f"no home could be written to {root}: {error}", home=str(root)) from error
    return Restored(
        home=str(root), backup=str(backup), about=about, schema_version=SCHEMA_VERSION, unended_runs=unended
    )


def _unpack(backup: Path, home: Path, show: Show) -> BackupAbout:
    home.mkdir(mode=0o700)
    known: list[BackupAbout] = []

    def accept(about: BackupAbout) -> None:
        check_known(about)
        free = shutil.disk_usage(home).free
        if about.n_disk_bytes > free:
            raise UnavailableError(f"{about.n_disk_bytes} bytes are needed in {home.parents[1]}, and {free} are free")
        known.append(about)

    with opened_backup(backup) as stream:
        try:
            findings = read_backup(stream, accept, home, show).findings
        except FoundError as found:
            findings = findings_of(stream, found)
    if findings:
        raise _damaged(backup, findings)
    return known[0]


def _settle(home: Home, backup: Path, about: BackupAbout, actor: str) -> list[str]:
    """Make what was unpacked a home of this place; the ids of runs without an end."""
    keys = home.root / KEYS_FOLDER
    if keys.is_dir():
        keys.chmod(0o700)
    with home.ledger as ledger:  # an older one is migrated here
        unended = hand_over(ledger, process_name())
        details = {"made_at": about.made_at.isoformat(), "n_files": about.n_files, "n_unended_runs": len(unended)}
        tell_audit_log(home, "home-restored", actor=actor, subject=backup.name, details=details)
    return unended


def _refuse_taken(root: Path) -> None:
    if root.is_symlink() or (root.exists() and not (root.is_dir() and not any(root.iterdir()))):
        raise BadInputError(
            f"{root} is there and not empty: nothing is ever restored over something; name a new folder with --home",
            home=str(root),
        )


def _damaged(backup: Path, findings: list[BackupFinding]) -> BadInputError:
    shown = "; ".join(f"{finding.name or backup.name}: {finding.message}" for finding in findings[:_SHOWN])
    more = f"; and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
    return BadInputError(
        f"{backup} is not as it was written, and nothing was restored: {shown}{more}",
        file=str(backup),
        findings=[finding.model_dump() for finding in findings],
    )
