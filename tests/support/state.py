"""What a home holds, without what differs between equal turns: times, durations, caching, random keys, folders.

Two homes that are equal here hold the same datasets by content hash, the same files byte for byte, the same steps with
the same outputs, and the same in every table of the ledger.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select

from millrace.datasets.store import DatasetStore
from millrace.ledger import approvals, audit_log, catalogue, journal, pins, pointers, runs
from millrace.ledger.alerts import alert_log
from millrace.ledger.annotations import annotations_for
from millrace.ledger.schema import subjects
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import task_history, tasks
from millrace.records.receipt import Receipt
from tasks.receipts import read_receipts, read_summary, run_hash

_PROCESS = re.compile(r"^.+:\d+:\d+$")
_TIMES = {"at", "created_at", "asked_at", "submitted_at", "started_at", "finished_at", "registered_at", "duration_s"}
_TIMES |= {"fired_at", "claimed_at", "sent_at", "last_sent_at"}
_PUBLISHED = ("eval_reports", "golden", "exports", "releases", "audit_baselines.jsonl")


def state_of(home: Path) -> dict[str, Any]:
    """Everything that two equal turns leave equal, by name of the thing."""
    with Ledger.open(home / "ledger.sqlite", create=False) as ledger:
        run_ids = sorted(run.run_id for run in runs.list_runs(ledger))
        state: dict[str, Any] = {
            "datasets": [ref.name for ref in DatasetStore(home / "datasets").refs()],
            "catalogue": [_without_times(entry.model_dump(mode="json"), "sequence") for entry in _catalogued(ledger)],
            "subjects": _subjects(ledger),
            "runs": {run_id: runs.run_of(ledger, run_id).status for run_id in run_ids},
            "receipts": {run_id: _receipts(home, run_id) for run_id in run_ids},
            "run hashes": {run_id: run_hash(_read_receipts(home, run_id)) for run_id in run_ids},
            "summaries": {run_id: _summary(home, run_id) for run_id in run_ids},
            "effects": {run_id: _effects(ledger, run_id) for run_id in run_ids},
            "pins": {run_id: _pins(ledger, run_id) for run_id in run_ids},
            "approvals": [_without_times(a.model_dump(mode="json")) for r in run_ids for a in _approvals(ledger, r)],
            "queue": [_without_times(task.model_dump(mode="json")) for task in tasks(ledger)],
            "queue events": [(event.event, event.task_id, event.actor) for event in task_history(ledger)],
            "annotations": [_without_times(each.model_dump(mode="json")) for each in annotations_for(ledger)],
            "pointers": [
                _pointer(each) for name in _pointer_names(ledger) for each in pointers.pointer_history_of(ledger, name)
            ],
            "alerts": [_without_times(each.model_dump(mode="json"), "sequence") for each in alert_log(ledger)],
            "audit log": [
                (each.action, _PROCESS.sub("process", each.actor), each.subject) for each in audit_log.entries(ledger)
            ],
        }
    state["indexes"] = sorted(path.name for path in (home / "index").glob("[!.]*"))
    state["files"] = {name: path.read_bytes() for name, path in _published(home)}
    return {name: _without_folder(value, str(home)) for name, value in state.items()}


def check_whole(home: Path) -> None:
    """Whatever exists under its name is whole, at any moment, also right after a crash.

    Raises:
        MillraceError, ValueError: something is not.
    """
    store = DatasetStore(home / "datasets")
    for ref in store.refs():
        store.open(ref).verify()
    for path in (*home.glob("**/*.json"), *home.glob("golden/**/*.jsonl")):
        parts = path.relative_to(home).parts
        if "index" not in parts and not any(part.startswith(".") for part in parts):
            text = path.read_text()
            for document in text.splitlines() if path.suffix == ".jsonl" else [text]:
                json.loads(document)
    if (home / "ledger.sqlite").exists():
        _check_ledger(home / "ledger.sqlite", store)


def leftovers(home: Path) -> list[str]:
    """Builds that nothing will finish, and published files that no manifest names."""
    store = DatasetStore(home / "datasets")
    unfinished = [path for path in (store.root / ".building").glob("*") if path.is_dir()]
    named = {path for ref in store.refs() for path in _files_of(store, ref)}
    foreign = [
        path
        for path in store.root.glob("*/*/*")
        if ".building" not in path.parts
        and path not in named
        and not path.name.endswith(".tmp")
        and not path.name.startswith("slot-")
    ]
    return sorted(str(path.relative_to(home)) for path in (*unfinished, *foreign))


def _files_of(store: DatasetStore, ref: Any) -> Iterator[Path]:
    yield store.folder(ref) / "manifest.json"
    for part in store.open(ref).manifest.parts:
        yield store.folder(ref) / part.file
        if part.measured_file:
            yield store.folder(ref) / part.measured_file


def _check_ledger(path: Path, store: DatasetStore) -> None:
    with Ledger.open(path) as ledger, ledger.read() as connection:
        if connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() != "ok":
            raise ValueError(f"{path} is corrupt")
        living = [entry.ref for entry in _catalogued(ledger) if entry.buried_reason is None]
        missing = [ref.name for ref in living if not store.exists(ref)]
        if missing:
            raise ValueError(f"catalogued but not there: {missing}")
        for name in _pointer_names(ledger):
            for each in pointers.pointer_history_of(ledger, name):
                _check_pointer(each.value, path.parent)


def _check_pointer(value: Any, home: Path) -> None:
    if "snapshot" in value and not (home / "index" / value["snapshot"]).is_dir():
        raise ValueError(f"the index points to nothing: {value}")
    if "version" in value and not (home / "golden" / "main" / value["version"] / "version.json").is_file():
        raise ValueError(f"the golden dataset points to nothing: {value}")


def _catalogued(ledger: Ledger) -> list[catalogue.CatalogueEntry]:
    return [entry for digit in "0123456789abcdef" for entry in catalogue.find(ledger, digit)]


def _subjects(ledger: Ledger) -> list[tuple[tuple[str, str], int]]:
    with ledger.read() as connection:
        rows = connection.execute(select(subjects.c.content_hash, subjects.c.subject_type)).all()
    return sorted(Counter((row.content_hash, row.subject_type) for row in rows).items())


def _receipts(home: Path, run_id: str) -> dict[str, Any]:
    kept = {"step_type", "function", "key", "code_fingerprint", "settings_hash", "numeric_profile", "inputs"}
    kept |= {"arguments", "outputs", "output", "counts"}
    receipts = _read_receipts(home, run_id)
    return {receipt.step: receipt.model_dump(mode="json", include=kept) for receipt in receipts}


def _read_receipts(home: Path, run_id: str) -> list[Receipt]:
    folder = home / "runs" / run_id
    return read_receipts(folder) if (folder / "receipts").is_dir() else []  # a run that failed at once has none


def _summary(home: Path, run_id: str) -> Any:
    summary = read_summary(home / "runs" / run_id)
    if summary is None:
        return None
    return summary.model_dump(mode="json", include={"status", "run_hash", "n_stages", "n_effects", "counts", "reason"})


def _effects(ledger: Ledger, run_id: str) -> dict[str, Any]:
    return {
        each.key: (each.status, each.result and each.result["output"]) for each in journal.effects_of(ledger, run_id)
    }


def _pins(ledger: Ledger, run_id: str) -> dict[str, Any]:
    pinned = pins.pins_of(ledger, run_id)
    steps = pinned.get("steps-approval", {})
    return {
        "names": sorted(pinned),
        "config": pinned["start"]["config"],
        "steps": {name: (step["key"], step["result"]["output"]) for name, step in steps.items()},
    }


def _approvals(ledger: Ledger, run_id: str) -> list[approvals.Approval]:
    return [each.model_copy(update={"prefect_run_id": None}) for each in approvals.approvals_of(ledger, run_id)]


def _pointer_names(ledger: Ledger) -> list[str]:
    return [each.name for each in pointers.pointers_under(ledger, "")]


def _pointer(each: pointers.Pointer) -> dict[str, Any]:
    return each.model_dump(mode="json", include={"name", "value", "run_id"})


def _published(home: Path) -> Iterator[tuple[str, Path]]:
    """Reports, golden versions, training data, releases and baselines."""
    for name in _PUBLISHED:
        for path in sorted([home / name, *(home / name).rglob("*")]):
            if path.is_file() and not path.name.endswith(".tmp"):
                yield str(path.relative_to(home)), path


def _without_times(fields: dict[str, Any], *others: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _TIMES and name not in others}


def _without_folder(value: Any, folder: str) -> Any:
    if isinstance(value, str):
        return value.replace(folder, "HOME")
    if isinstance(value, bytes):
        return value.replace(folder.encode(), b"HOME")
    if isinstance(value, dict):
        return {_without_folder(key, folder): _without_folder(item, folder) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folder(item, folder) for item in value]
    return value
