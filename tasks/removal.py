"""Takes folders away so that a crash leaves none that looks damaged."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from millrace.datasets.files import sync_folder

REMOVING_PREFIX = ".removing-"  # of a folder that is half deleted: nobody opens it again


def remove_folder(folder: Path) -> bool:
    """Delete a folder, out of its name first; what an earlier call left half deleted goes too.

    Returns:
        Whether there was anything of it.
    """
    doomed = folder.with_name(f"{REMOVING_PREFIX}{folder.name}")
    there = folder.exists() or doomed.exists()
    _remove_tree(doomed)
    with suppress(FileNotFoundError):  # it never was, or another process came first
        os.rename(folder, doomed)
        sync_folder(folder.parent)
    _remove_tree(doomed)
    if folder.parent.exists():
        sync_folder(folder.parent)
    return there


def _remove_tree(folder: Path) -> None:
    """Delete a folder that another process may be deleting too."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def remove_build(folder: Path) -> bool:
    """Delete a dataset that was being built, unless a process is at it; False then."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        shutil.rmtree(folder)
    return True


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
