"""A person's traces in a home's files: receipts, exports, reports and whatever else lies there."""

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import pyarrow.parquet as pq

from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.governance.erasure_marks import Marks, texts_in
from millrace.ledger import runs
from millrace.reports.runs import run_summary_markdown
from tasks.erasure_datasets import Successor
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary, run_hash

NOTE_FILE = "ERASED.md"
EXPORT_KINDS = frozenset({"rag_rows", "sft_rows", "preference_pairs"})

_SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# Datasets and the ledger are looked at by their values; a release is never touched; keys and models hold nobody.
_LOOKED_AT_ELSEWHERE = ("datasets", "index", "releases", "keys", "models", "prefect", "audit")
_ALL = 1_000_000


class Renaming:
    """What took the place of what, for whoever keeps a reference: datasets by ref, index snapshots by name."""

    def __init__(self, successors: Collection[Successor], snapshots: Mapping[str, str]) -> None:
        self._refs = {each.old_ref.name: each.new_ref.model_dump(mode="json") for each in successors}
        self._snapshots = snapshots

    def __call__(self, value: Any) -> Any:
        """A JSON value with every reference to something old leading to what took its place."""
        if isinstance(value, list):
            return [self(each) for each in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"kind", "content_hash", "rows"}:
            return self._refs.get(f"{value['kind']}:{value['content_hash']}", value)
        new = {name: self(each) for name, each in value.items()}
        if isinstance(new.get("snapshot"), str):
            new["snapshot"] = self._snapshots.get(new["snapshot"], new["snapshot"])
        return new


def concerned_runs(home: Home, hashes: Collection[str]) -> set[str]:
    """Runs whose receipts name any of these contents."""
    wanted = set(hashes)
    return {
        path.parts[-3]
        for path in _receipt_files(home)
        if wanted.intersection(_SHA256.findall(path.read_text(encoding="utf-8")))
    }


def exporting_runs(home: Home, hashes: Collection[str]) -> set[str]:
    """Runs whose published training data was made from any of these contents."""
    wanted, found = set(hashes), set()
    for path in _receipt_files(home):
        receipt = json.loads(path.read_bytes())
        kinds = {name.partition(":")[0] for name in receipt["inputs"] if name.partition(":")[2] in wanted}
        if kinds & EXPORT_KINDS and _folder_of(home, path.parts[-3]).is_dir():
            found.add(path.parts[-3])
    return found


def rewrite_runs(home: Home, marks: Marks, rename: Renaming, *, leave_out: Collection[str]) -> int:
    """Take the person's words out of every run's files; how many files changed."""
    n_changed = 0
    for folder in sorted((home.root / "runs").glob("*")):
        if folder.name in leave_out or not folder.is_dir():
            continue
        n_receipts = sum(_rewrite_receipt(path, marks, rename) for path in sorted(folder.glob("receipts/*.json")))
        if n_receipts:
            _sum_up_again(folder)
        others = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.parent.name != "receipts")
        n_changed += n_receipts + sum(_rewrite_file(path, marks) for path in others)
    return n_changed


def remove_export(home: Home, run_id: str, note: str) -> bool:
    """Remove what a run published as training data, and leave a note; False when that was done before."""
    return _emptied(_folder_of(home, run_id), note)


def report_folders(home: Home, roots: Collection[Path]) -> Iterator[tuple[str, Path]]:
    """Run id and folder of every report in the folders that runs wrote reports to, and every newest report."""
    known = [run.run_id for run in runs.list_runs(home.ledger, _ALL)]
    for root in sorted({each.absolute() for each in roots}):
        for folder in sorted(root.glob("*")) if root.is_dir() else ():
            if folder.is_dir():
                of = [each for each in known if folder.name.endswith(f"-{each}")]
                if of:
                    yield max(of, key=len), folder
                elif (folder / "latest.md").is_file():
                    yield "", folder


def remove_report(folder: Path, run_id: str, concerned: Collection[str], marks: Marks, note: str) -> bool:
    """Remove a report of a run that is concerned, or that holds a mark; whether there was one to remove."""
    if run_id:
        mine = run_id in concerned or any(holds_mark(path, marks) for path in folder.rglob("*") if path.is_file())
        return mine and _emptied(folder, note)
    latest = folder / "latest.md"
    text = latest.read_text(encoding="utf-8", errors="replace")
    if not (marks.is_in(text) or any(each in text for each in concerned)):
        return False
    write_atomic(latest, note.encode())
    return True


def is_emptied(folder: Path) -> bool:
    """Whether only the note of an erasure is left there."""
    return [path.name for path in folder.iterdir()] == [NOTE_FILE]


def files_with_marks(home: Home, marks: Marks) -> list[str]:
    """Files of the home that still hold a mark, as paths below it; what is looked at by its values is left out."""
    found = []
    for folder, names, files in os.walk(home.root):
        if Path(folder) == home.root:
            names[:] = [name for name in names if name not in _LOOKED_AT_ELSEWHERE]
            files = [name for name in files if not name.startswith("ledger.sqlite")]
        paths = (Path(folder, name) for name in sorted(files))
        found += [str(path.relative_to(home.root)) for path in paths if holds_mark(path, marks)]
    return sorted(found)


def holds_mark(path: Path, marks: Marks) -> bool:
    """Whether any text of a file is the person's; what is no text is looked at as far as it is."""
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            groups = (file.read_row_group(index) for index in range(file.num_row_groups))
            return any(marks.is_in(text) for group in groups for text in texts_in(group.to_pylist()))
    with path.open(encoding="utf-8", errors="replace") as stream:
        if path.suffix in (".json", ".jsonl"):
            return any(marks.is_in(text) for document in _documents(path, stream) for text in texts_in(document))
        return marks.is_in(stream.read())


def _documents(path: Path, stream: TextIO) -> Iterator[Any]:
    """The JSON of a file, or its text where it is none."""
    for text in stream if path.suffix == ".jsonl" else [stream.read()]:
        try:
            yield json.loads(text)
        except ValueError:
            yield text


def ledger_backups(home: Home) -> list[Path]:
    """Copies of the ledger that migrations left."""
    return sorted(home.root.glob("ledger.sqlite.*.bak"))


def _receipt_files(home: Home) -> list[Path]:
    return sorted((home.root / "runs").glob("*/receipts/*.json"))


def _folder_of(home: Home, run_id: str) -> Path:
    return home.root / "exports" / run_id


def _rewrite_receipt(path: Path, marks: Marks, rename: Renaming) -> bool:
    receipt = json.loads(path.read_bytes())
    new = receipt | {name: marks.scrubbed(receipt[name])[0] for name in ("arguments", "output")}
    new["output"] = rename(new["output"])
    if new != receipt:
        write_atomic(path, canonical_json(new))
    return bool(new != receipt)


def _sum_up_again(folder: Path) -> None:
    """The run hash covers what stages gave out: it follows the receipts."""
    summary, receipts = read_summary(folder), read_receipts(folder)
    if summary is not None:
        new = summary.model_copy(update={"run_hash": run_hash(receipts)})
        write_atomic(folder / "summary.json", canonical_json(new))
        write_atomic(folder / "summary.md", run_summary_markdown(new, receipts).encode())


def _rewrite_file(path: Path, marks: Marks) -> bool:
    if not holds_mark(path, marks):
        return False
    if path.suffix == ".json":
        new = canonical_json(marks.scrubbed(json.loads(path.read_bytes()))[0])
    elif path.suffix == ".jsonl":
        new = b"".join(line for line in path.read_bytes().splitlines(True) if not marks.is_in(line.decode("utf-8")))
    elif path.suffix in (".md", ".txt", ".html"):
        new = marks.redacted(path.read_text(encoding="utf-8")).encode()
    else:
        return False  # left for the check afterwards, which tells of it
    write_atomic(path, new)
    return True


def _emptied(folder: Path, note: str) -> bool:
    """The note first, so that a folder that was removed in part says why."""
    if not folder.is_dir() or is_emptied(folder):
        return False
    write_atomic(folder / NOTE_FILE, note.encode())
    for path in sorted(folder.iterdir()):
        if path.name != NOTE_FILE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return True
