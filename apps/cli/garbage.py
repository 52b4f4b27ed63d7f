"""What nothing in a home refers to any more."""

import re
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
from tasks.holds import held_datasets
from tasks.home import Home
from tasks.references import export_hashes, released_hashes
from tasks.removal import REMOVING_PREFIX, remove_build, remove_folder
from tasks.retention_reasons import FLOW as RETENTION

_SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MINIMUM_AGE = timedelta(days=1)  # younger ones may belong to a step under way, which has no receipt yet
_SOURCES = frozenset({"traces", "human_ratings", "feedback"})  # what came from outside, and nothing can make again
_ALL = 1_000_000


GarbageType = Literal["dataset", "index snapshot", "unfinished build", "half deleted"]


class Garbage(Record):
    """A folder that can go; ``path`` is relative to the home."""

    type: GarbageType
    name: str
    path: str
    n_bytes: int


def find_garbage(home: Home, now: datetime, *, keep_days: int | None = None) -> list[Garbage]:
    """Everything older than a day that nothing refers to, by type and name.

    Args:
        keep_days: runs that ended longer ago no longer count as referring; None counts all runs.
    """
    referred = referred_hashes(home, now, keep_days)
    unreferred = (*_datasets(home, now, referred), *_snapshots(home, now, referred))
    return [*unreferred, *_builds(home, now), *_half_deleted(home, now)]


def remove(home: Home, garbage: Garbage) -> bool:
    """Delete the folder; False when a build turned out to be under way."""
    path = home.root / garbage.path
    if garbage.type == "unfinished build":
        return remove_build(path)
    if garbage.type == "half deleted":
        path = path.with_name(path.name.removeprefix(REMOVING_PREFIX))
    return remove_folder(path)


def referred_hashes(home: Home, now: datetime, keep_days: int | None = None) -> set[str]:
    """Every sha256 that receipts, pins, effects, pointers, annotation tasks or approvals mention.

    And what frozen releases rest on, what exports that lie in the home do, and what a legal hold reaches, whatever
    became of the runs. That retention listed something keeps nothing.
    """
    runs = {run.run_id: run for run in list_runs(home.ledger, limit=_ALL)}
    dropped = {name for name, run in runs.items() if keep_days is not None and _ended_before(run, now, keep_days)}
    dropped |= {name for name, run in runs.items() if run.flow == RETENTION}
    referred = {*released_hashes(home), *export_hashes(home), *held_datasets(home)}
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
        if _SHA256.fullmatch(folder.name) and folder.name not in referred and not _young(folder, now):
            yield _garbage(home, "index snapshot", folder.name, folder)


def _builds(home: Home, now: datetime) -> Iterator[Garbage]:
    for folder in sorted((home.datasets.root / ".building").glob("*")):
        if folder.is_dir() and not _young(folder, now):
            yield _garbage(home, "unfinished build", folder.name, folder)


def _half_deleted(home: Home, now: datetime) -> Iterator[Garbage]:
    """What a removal that was killed left."""
    folders = (*home.datasets.root.glob(f"*/{REMOVING_PREFIX}*"), *home.index_root.glob(f"{REMOVING_PREFIX}*"))
    for folder in sorted(folders):
        if folder.is_dir() and not _young(folder, now):
            yield _garbage(home, "half deleted", folder.name, folder)


def _garbage(home: Home, garbage_type: GarbageType, name: str, folder: Path) -> Garbage:
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Garbage(type=garbage_type, name=name, path=str(folder.relative_to(home.root)), n_bytes=n_bytes)


def _young(folder: Path, now: datetime) -> bool:
    """Whether anything in the folder changed within the last day."""
    latest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    return now.timestamp() - latest < _MINIMUM_AGE.total_seconds()
