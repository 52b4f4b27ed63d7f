"""What of a home belongs into a backup, and how it is held still while runs go on."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from millrace.datasets.dataset import MANIFEST_FILE, read_manifest
from millrace.errors import BadInputError, DamagedDatasetError
from millrace.ledger.copies import copy_sqlite
from millrace.ledger.store import Ledger

LEDGER_FILE = "ledger.sqlite"
KEYS_FOLDER = "keys"
STAGE_PREFIX = ".backup-"  # in the home, of a backup under way
# Prefect's own records and results: computed again from datasets, effects and pins, which are all in the backup. Its
# database would also bring along the secrets of blocks, beside the key that they are encrypted with.
CACHES = frozenset({"prefect", "results", "logs", "server.json"})
_OF_THE_LEDGER = frozenset({f"{LEDGER_FILE}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")})
_LAST = ("index", "datasets")  # what others refer to is looked at after them, so that what they name is there


def hold_still(root: Path, ledger: Ledger, stage: Path) -> list[str]:
    """Fill ``stage``, in the home's own file system, with the home as it is at one moment.

    The ledger is copied while nobody can write to it, and meanwhile every other file gets a second name: files of a
    home are replaced, never written to, so what is held stays as it was. Datasets that are being removed are left out.

    Returns:
        What was passed over: links, devices, and datasets that are not whole.

    Raises:
        BadInputError: a folder of the home is a link to another place.
    """
    left_out = []
    with ledger.write():
        copy_sqlite(root / LEDGER_FILE, stage / LEDGER_FILE)
        for path in _paths(root, root):
            name = path.relative_to(root).as_posix()
            if not _hold(path, stage / name):
                left_out.append(name)
    os.chmod(stage / LEDGER_FILE, stat.S_IMODE((root / LEDGER_FILE).stat().st_mode))
    return left_out + _drop_unfinished(stage)


def files_of(stage: Path) -> list[Path]:
    """Every file that is held, in order."""
    return sorted(path for path in stage.rglob("*") if path.is_file())


def kinds_of(stage: Path) -> dict[str, int]:
    """The highest schema version of each kind of dataset that is held; damaged manifests are passed over."""
    found: dict[str, int] = {}
    for path in sorted((stage / "datasets").glob(f"*/*/{MANIFEST_FILE}")):
        with suppress(DamagedDatasetError):
            manifest = read_manifest(path.parent, path.parent.name)
            found[manifest.kind] = max(found.get(manifest.kind, 1), manifest.schema_version)
    return found


def _paths(folder: Path, root: Path) -> Iterator[Path]:
    """Everything but folders; what is unfinished has a name that begins with a dot."""
    for entry in sorted(os.scandir(folder), key=lambda each: (_rank(each.name) if folder == root else 0, each.name)):
        at_root = folder == root and entry.name in CACHES | _OF_THE_LEDGER
        if at_root or entry.name.startswith(".") or entry.name.endswith(".lock"):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _entries_of(path, root)
        elif entry.is_symlink() and path.is_dir():
            raise BadInputError(
                f"{path} is a link to another folder, so that a copy of the home would lack it: move the folder into "
                "the home, or mount it there",
                file=str(path),
            )
        else:
            yield path


def _entries_of(folder: Path, root: Path) -> Iterator[Path]:
    try:
        yield from _paths(folder, root)
    except FileNotFoundError:
        return  # removed meanwhile


def _rank(name: str) -> int:
    return _LAST.index(name) + 1 if name in _LAST else 0


def _hold(path: Path, held: Path) -> bool:
    """Give the file a second name; False when it is no file. One that vanished meanwhile was not needed."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        held.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, held)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise
            shutil.copy(path, held)  # mounted from elsewhere, or without links
    except FileNotFoundError:
        return True
    return True


def _drop_unfinished(stage: Path) -> list[str]:
    dropped = []
    for folder in sorted((stage / "datasets").glob("*/*")):
        if not _is_whole(folder):
            dropped.append(folder.relative_to(stage).as_posix())
            shutil.rmtree(folder)
    return dropped


def _is_whole(folder: Path) -> bool:
    """Whether every file that a manifest names is there; what a damaged one names cannot be told, and it is kept."""
    if not (folder / MANIFEST_FILE).is_file():
        return False
    try:
        parts = read_manifest(folder, folder.name).parts
    except DamagedDatasetError:
        return True
    return all((folder / name).is_file() for part in parts for name in (part.file, part.measured_file) if name)
