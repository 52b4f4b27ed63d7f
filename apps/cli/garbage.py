"""What nothing in a home refers to any more."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from apps.cli.ledger_queries import lasting_values, run_values
from apps.cli.run_names import ended
from millrace.datasets.canonical import canonical_json
from millrace.datasets.dataset import read_manifest
from millrace.errors import DamagedDatasetError
from millrace.ledger.catalogue import find
from millrace.ledger.runs import Run, list_runs
from millrace.records.base import Record
from tasks.home import Home

_SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MINIMUM_AGE = timedelta(days=1)  # younger ones may belong to a step under way, which has no receipt yet
_SOURCES = frozenset({"traces", "human_ratings", "feedback"})  # what came from outside, and nothing can make again
_ALL = 1_000_000


class Garbage(Record):
    """A folder that can go; ``path`` is relative to the home."""

    type: Literal["dataset", "index snapshot", "unfinished build"]
    name: str
    path: str
    n_bytes: int


def find_garbage(home: Home, now: datetime, *, keep_days: int | None = None) -> list[Garbage]:
    """Everything older than a day that nothing refers to, by type and name.

    Args:
        keep_days: runs that ended longer ago no longer count as referring; None counts all runs.
    """
    referred = referred_hashes(home, now, keep_days)
    return [*_datasets(home, now, referred), *_snapshots(home, now, referred), *_builds(home, now)]


def remove(home: Home, garbage: Garbage) -> bool:
    """Delete the folder; False when a build turned out to be under way."""
    path = home.root / garbage.path
    if garbage.type != "unfinished build":
        # Out of its name first: a dataset that is half deleted must not look like a damaged one.
        doomed = path.with_name(f".removing-{path.name}")
        os.rename(path, doomed)
        shutil.rmtree(doomed)
        return True
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        shutil.rmtree(path)
    return True


def referred_hashes(home: Home, now: datetime, keep_days: int | None = None) -> set[str]:
    """Every sha256 that receipts, pins, effects, pointers, annotation tasks or approvals mention."""
    runs = {run.run_id: run for run in list_runs(home.ledger, limit=_ALL)}
    dropped = {name for name, run in runs.items() if keep_days is not None and _ended_before(run, now, keep_days)}
    referred: set[str] = set()
    for value in lasting_values(home.ledger):
        referred.update(_hashes(value))
    for run_id, value in run_values(home.ledger):
        if run_id not in dropped:
            referred.update(_hashes(value))
    for receipt in (home.root / "runs").glob("*/receipts/*.json"):
        if receipt.parts[-3] not in dropped:
            referred.update(_SHA256.findall(receipt.read_text(encoding="utf-8")))
    return referred


def _ended_before(run: Run, now: datetime, days: int) -> bool:
    return ended(run) and run.finished_at is not None and now - run.finished_at > timedelta(days=days)


def _hashes(value: object) -> list[str]:
    return _SHA256.findall(canonical_json(value).decode())


def _datasets(home: Home, now: datetime, referred: set[str]) -> Iterator[Garbage]:
    for folder in sorted(home.datasets.root.glob("*/*")):
        kind, content_hash = folder.parts[-2:]
        if kind.startswith(".") or content_hash in referred or _young(folder, now):
            continue
        if _SHA256.fullmatch(content_hash) and not (kind in _SOURCES and _came_from_outside(home, folder)):
            yield _garbage(home, "dataset", f"{kind}:{content_hash}", folder)


def _came_from_outside(home: Home, folder: Path) -> bool:
    """Catalogued, and not derived from other sources; what cannot be read counts as such."""
    if not find(home.ledger, folder.name):
        return False
    try:
        inputs = read_manifest(folder, folder.name).origin.inputs
    except DamagedDatasetError:
        return True
    return not any(name.partition(":")[0] in _SOURCES for name in inputs)


def _snapshots(home: Home, now: datetime, referred: set[str]) -> Iterator[Garbage]:
    for folder in sorted(home.index_root.glob("*")):
        if folder.is_dir() and folder.name not in referred and not _young(folder, now):
            yield _garbage(home, "index snapshot", folder.name, folder)


def _builds(home: Home, now: datetime) -> Iterator[Garbage]:
    for folder in sorted((home.datasets.root / ".building").glob("*")):
        if folder.is_dir() and not _young(folder, now):
            yield _garbage(home, "unfinished build", folder.name, folder)


def _garbage(
    home: Home, garbage_type: Literal["dataset", "index snapshot", "unfinished build"], name: str, folder: Path
) -> Garbage:
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Garbage(type=garbage_type, name=name, path=str(folder.relative_to(home.root)), n_bytes=n_bytes)


def _young(folder: Path, now: datetime) -> bool:
    """Whether anything in the folder changed within the last day."""
    latest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    return now.timestamp() - latest < _MINIMUM_AGE.total_seconds()
