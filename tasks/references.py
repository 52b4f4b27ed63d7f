"""What in a home must not go because something else rests on it: what frozen releases and exports name."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from millrace.datasets.dataset import MANIFEST_FILE
from tasks.home import Home

SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
DATASET_NAME = re.compile(r"[a-z][a-z_0-9]*:([0-9a-f]{64})(?![0-9a-f])")
_RUN_OF_MANIFEST = re.compile(r'"run_id"\s*:\s*"((?:[^"\\]|\\.)+)"')
_TEXTS = (".json", ".md")


def released_hashes(home: Home) -> dict[str, str]:
    """What frozen releases rest on: every sha256 they name, to the version that does (the first by name).

    What their manifests, receipts and gates name, and, through the origins of the datasets that this home still
    holds, whatever those were made of. Read as text: a release that was damaged still keeps what it names.
    """
    found: dict[str, str] = {}
    for folder in release_folders(home):
        for path in texts_below(folder):
            for digest in SHA256.findall(_text(path)):
                found.setdefault(digest, folder.name)
        for run_id in sorted(released_runs(home)):
            if (folder / "receipts" / run_id).is_dir():
                for digest in receipt_hashes(home, run_id):
                    found.setdefault(digest, folder.name)
    return _with_origins(home, found)


def release_folders(home: Home) -> list[Path]:
    """The frozen releases, and one that is being frozen, which has a dot before its name."""
    return sorted(path for path in (home.root / "releases").glob("*") if path.is_dir())


def released_runs(home: Home) -> dict[str, str]:
    """The distillations that were frozen, to the version."""
    found: dict[str, str] = {}
    for folder in release_folders(home):
        for path in sorted((folder / "receipts").glob("*")):
            found.setdefault(path.name, folder.name)
        for run_id in _RUN_OF_MANIFEST.findall(_text(folder / "release-manifest.json")):
            found.setdefault(run_id, folder.name)
    return found


def export_folders(home: Home) -> list[Path]:
    """The published exports, named by run."""
    return sorted(path for path in (home.root / "exports").glob("*") if path.is_dir() and not path.name.startswith("."))


def export_hashes(home: Home) -> set[str]:
    """What the exports that lie in the home rest on: what their cards and their runs' receipts name."""
    found: set[str] = set()
    for folder in export_folders(home):
        for path in texts_below(folder):
            found.update(SHA256.findall(_text(path)))
        found.update(receipt_hashes(home, folder.name))
    return found


def receipt_hashes(home: Home, run_id: str) -> set[str]:
    """The datasets that a run's receipts name as inputs or outputs; empty for a run that left none."""
    return {
        digest
        for path in sorted((home.run_folder(run_id) / "receipts").glob("*.json"))
        for digest in DATASET_NAME.findall(_text(path))
    }


def dataset_folders(home: Home) -> dict[str, list[Path]]:
    """The datasets of the home by content hash: kinds may share one."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in home.datasets.root.glob("*/*"):
        if not path.parent.name.startswith(".") and SHA256.fullmatch(path.name):
            found[path.name].append(path)
    return found


def texts_below(folder: Path) -> Iterator[Path]:
    """The JSON and Markdown files of a folder; rows of data, which may be huge, are neither."""
    return (path for path in sorted(folder.rglob("*")) if path.suffix in _TEXTS and path.is_file())


def _with_origins(home: Home, found: dict[str, str]) -> dict[str, str]:
    folders = dataset_folders(home)
    waiting = list(found)
    while waiting:
        digest = waiting.pop()
        for parent in _parents(folders.get(digest, ())):
            if parent not in found:
                found[parent] = found[digest]
                waiting.append(parent)
    return found


def _parents(folders: Iterable[Path]) -> set[str]:
    return {digest for folder in folders for digest in DATASET_NAME.findall(_text(folder / MANIFEST_FILE))}


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace") if path.is_file() else ""
