"""Makes a backup of a home while runs go on."""

import os
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from millrace.datasets.files import sync_folder
from millrace.errors import BadInputError, NotFoundError
from millrace.governance.backup_blocks import BlockWriter
from millrace.governance.backup_contents import (
    KEYS_FOLDER,
    STAGE_PREFIX,
    files_of,
    hold_still,
    kinds_of,
)
from millrace.governance.backup_writing import FORMAT, Show, write_backup
from millrace.governance.held_folder import held_folder
from millrace.ledger.schema import SCHEMA_VERSION
from millrace.records.backup import Backup, BackupAbout
from tasks.audit_log import tell_audit_log
from tasks.home import Home
from tasks.run import utc_now

SUFFIX = ".tar.zst"


def make_backup(home: Home, out: Path, show: Show, *, actor: str) -> Backup:
    """Write everything that cannot be computed again into one file, mode 0600, which appears whole or not at all.

    Args:
        out: the file, or a folder in which it gets a name with the time.

    Raises:
        BadInputError: it exists, lies in the home, or cannot be written.
    """
    now = utc_now()
    target = _target(home.root, out, now)
    try:
        with held_folder(home.root, STAGE_PREFIX) as stage, held_folder(target.parent, ".millrace-backup-") as aside:
            return _made(home, stage, aside / target.name, target, now, show, actor)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise BadInputError(f"no backup could be written to {target}: {error}", file=str(target)) from error


def _made(home: Home, stage: Path, partial: Path, target: Path, now: datetime, show: Show, actor: str) -> Backup:
    left_out = hold_still(home.root, home.ledger, stage)
    files = files_of(stage)
    about = _about(stage, files, left_out, now)
    written = _write(partial, stage, files, about, show)
    made = Backup(file=str(target), sha256=written.sha256, n_packed_bytes=written.n_packed, about=about)
    if target.exists():
        raise _exists(target)
    # Told before the file has its name: a copy of everybody's data must not exist without an entry that says so.
    details = {"sha256": made.sha256, "n_files": about.n_files, "n_bytes": about.n_bytes}
    tell_audit_log(home, "backup-made", actor=actor, subject=target.name, details=details)
    os.link(partial, target)
    sync_folder(target.parent)
    return made


def _write(partial: Path, stage: Path, files: list[Path], about: BackupAbout, show: Show) -> BlockWriter:
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        written = write_backup(stream, stage, files, about, show)
        stream.flush()
        os.fsync(descriptor)
    return written


def _about(stage: Path, files: list[Path], left_out: list[str], now: datetime) -> BackupAbout:
    names = [path.relative_to(stage).as_posix() for path in files]
    return BackupAbout(
        format=FORMAT,
        millrace=version("millrace"),
        schema_version=SCHEMA_VERSION,
        kinds=kinds_of(stage),
        made_at=now,
        n_files=len(files),
        n_bytes=sum(path.stat().st_size for path in files),
        n_disk_bytes=sum(path.stat().st_blocks * 512 for path in files),
        secrets=[name for name in names if name.startswith(f"{KEYS_FOLDER}/") and not name.endswith(".pub.pem")],
        left_out=left_out,
    )


def _target(root: Path, out: Path, now: datetime) -> Path:
    name = f"millrace-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    target = (out / name if out.is_dir() else out).absolute()
    if not target.name.endswith(SUFFIX):
        raise BadInputError(f"--out: {out} is no folder that there is, and no name ending in {SUFFIX}", file=str(out))
    if target.parent.resolve().is_relative_to(root.resolve()):
        raise BadInputError(f"{target} lies in the home, and would be lost with it: name another place with --out")
    if not target.parent.is_dir():
        raise NotFoundError(f"no folder {target.parent}: make it, or name another with --out", file=str(target))
    if target.exists():
        raise _exists(target)
    return target


def _exists(target: Path) -> BadInputError:
    return BadInputError(f"{target} exists: name another file with --out", file=str(target))
