"""What lies in a home or beside it: datasets, receipts, the ledger, releases, keys, results of other tools."""

import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from unittest.mock import patch

from apps.cli import environment
from apps.cli.golden_versions import _about
from millrace.adapters.qdrant_edge import _read_manifest
from millrace.datasets.manifest import DatasetRef, Origin
from millrace.datasets.store import DatasetStore
from millrace.errors import BadInputError, MillraceError
from millrace.golden.files import ABOUT_FILE
from millrace.ledger import audit_log, catalogue, pointers
from millrace.ledger import runs as ledger_runs
from millrace.ledger import tasks as ledger_tasks
from millrace.ledger.store import Ledger
from millrace.monitoring.eval_results import read_result_file, together
from millrace.records.golden import GoldenVersion
from millrace.records.receipt import Receipt, RunSummary, StepCounts
from millrace.records.trace import utc
from tasks.audit import _baselines
from tasks.audit_log import witness_of
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary
from tests.hostile.annotation_readers import make_home
from tests.hostile.cases import BINARY_WORDS, JSON_WORDS, Reader, one_file, the_file
from tests.hostile.mutation import Files
from tests.support.promptfoo import promptfoo_document, promptfoo_result
from tests.support.stored import rows_of_kind, stored

_NOW = datetime(2026, 11, 16, tzinfo=UTC)
_ORIGIN = Origin(stage="test", code_fingerprint="0", settings_hash="0", inputs=[], numeric_profile="0")
_HASH = "a" * 64


def readers() -> list[Reader]:
    """One for each kind of file that a home, a release or another tool holds."""
    return [
        Reader(
            "gate:results",
            _read_results,
            lambda: one_file("in.json", *_results()),
            JSON_WORDS,
            ("millrace.monitoring.eval_results",),
            share=1.5,
        ),
        Reader(
            "dataset",
            _read_dataset,
            _datasets,
            (*BINARY_WORDS, *JSON_WORDS),
            ("millrace.datasets.dataset",),
            is_folder=True,
            share=2,
        ),
        Reader(
            "dataset:manifest", _read_dataset, _datasets_with_plain_manifest, JSON_WORDS, ("millrace.datasets.dataset",)
        ),
        Reader("dataset:slots", _read_slots, _slots, JSON_WORDS, ("millrace.datasets.store",)),
        Reader(
            "receipts",
            _read_receipts,
            _receipts,
            JSON_WORDS,
            ("millrace.records.json_file",),
            is_folder=True,
            share=1.5,
        ),
        Reader("golden", _read_golden, _golden, JSON_WORDS, ("millrace.records.json_file",), is_folder=True),
        Reader(
            "audit-baselines",
            lambda folder, _: list(_baselines(the_file(folder))),
            lambda: one_file("in.jsonl", _BASELINE * 2),
            JSON_WORDS,
            ("millrace.records.json_file",),
            share=0.5,
        ),
        Reader(
            "audit-witness",
            _read_witness,
            lambda: [{"audit/head.json": b'{"sequence": 3, "hash": "%s"}' % (b"a" * 64)}],
            JSON_WORDS,
            ("tasks.audit_log",),
            share=0.5,
        ),
        Reader(
            "index-snapshot",
            lambda folder, _: _read_manifest(folder),
            lambda: one_file(
                "snapshot.json", b'{"format": "qdrant-edge-2", "count": 1, "dimension": 4, "files": {"a": "b"}}'
            ),
            JSON_WORDS,
            ("millrace.adapters.qdrant_edge",),
            share=0.5,
        ),
        Reader(
            "server-file",
            _read_server,
            lambda: one_file("server.json", b'{"url": "http://127.0.0.1:4200/api", "pid": 1}'),
            JSON_WORDS,
            ("apps.cli.environment",),
            share=0.3,
        ),
        Reader(
            "home-secrets",
            _read_secrets,
            lambda: [{"keys/home-id": b"ab" * 32, "keys/subject-key": b"cd" * 32}],
            JSON_WORDS,
            ("tasks.home",),
            share=0.3,
        ),
        Reader(
            "ledger",
            _read_ledger,
            _ledgers,
            BINARY_WORDS,
            ("millrace.ledger.schema",),
            share=1.5,
        ),
    ]


def _read_results(folder: Path, _scratch: Path) -> None:
    result = read_result_file(the_file(folder))
    together([result])
    json.dumps(result.rows.to_pylist(), ensure_ascii=False, allow_nan=False).encode()


def _results() -> list[bytes]:
    results = [
        promptfoo_result("q1", {"groundedness": 0.5, "relevance": 1}),
        promptfoo_result("q2", error="timeout"),
        promptfoo_result("q3", {"groundedness": 0.25}, broken=["groundedness"]),
    ]
    mean = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 4, "n_items": 4}
    report = {
        "format": 1,
        "sampling": {},
        "metrics": [
            {"metric": "groundedness", "source": "test/1", "mean": mean, "statuses": [{"name": "scored", "n": 4}]}
        ],
    }
    return [json.dumps(promptfoo_document(results, layout=layout)).encode() for layout in (2, 3, 4)] + [
        json.dumps(report).encode()
    ]


def files_of(folder: Path) -> Files:
    """As seeds have them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@cache
def _stored_datasets() -> tuple[tuple[Files, DatasetRef], ...]:
    found = []
    for kind in ("traces", "golden", "feedback", "metric_scores"):
        with tempfile.TemporaryDirectory() as place:
            ids = {"traces": "trace_id", "golden": "golden_id", "feedback": "feedback_id", "metric_scores": "trace_id"}
            more = {"feedback": {"trace_id": "t", "rating": 0.5}, "metric_scores": {"metric": "m", "value": 0.5}}.get(
                kind, {}
            )
            dataset = stored(Path(place), kind, *({ids[kind]: f"{n}"} | more for n in range(3)))
            found.append((files_of(Path(place)), dataset.ref))
    return tuple(found)


def _datasets() -> list[Files]:
    return [
        {name: content for name, content in files.items() if not name.startswith(".")}
        for files, _ in _stored_datasets()
    ]


def _datasets_with_plain_manifest() -> list[Files]:
    """Only manifests are changed: the parts are written beside them when they are read."""
    return [
        {name: content for name, content in files.items() if name.endswith("manifest.json")} for files in _datasets()
    ]


def _read_dataset(folder: Path, _scratch: Path) -> None:
    for files, ref in _stored_datasets():
        if (folder / ref.kind).exists():
            _complete(folder, files)
            _read_ref(DatasetStore(folder), ref)


def _complete(folder: Path, files: Files) -> None:
    if sum(1 for _ in folder.rglob("*.parquet")) == 0:
        for name, content in files.items():
            path = folder / name
            if name.endswith(".parquet") and path.parent.is_dir() and not path.exists():
                path.write_bytes(content)  # type: ignore[arg-type]


def _read_ref(store: DatasetStore, ref: DatasetRef) -> None:
    with suppress(MillraceError):
        store.refs()
    dataset = store.open(ref)
    dataset.verify()
    dataset.to_arrow(measured=True)
    dataset.read_rows(0, 2)


@cache
def _slot_files() -> Files:
    with tempfile.TemporaryDirectory() as place:
        with DatasetStore(Path(place)).building("traces", "key") as builder:
            builder.commit(0, rows_of_kind("traces", {"trace_id": "a"}, {"trace_id": "b"}))
            builder.commit(1, rows_of_kind("traces", {"trace_id": "c"}))
        return files_of(Path(place))


def _slots() -> list[Files]:
    return [{name: content for name, content in _slot_files().items() if "slot-" in name}]


def _read_slots(folder: Path, _scratch: Path) -> None:
    _complete(folder, _slot_files())
    store = DatasetStore(folder)
    with store.building("traces", "key") as builder:
        if builder.committed(0) and builder.committed(1):
            store.open(builder.publish(2, _ORIGIN)).verify()


def _receipts() -> list[Files]:
    receipt = Receipt(
        run_id="run",
        step="read-traces",
        step_type="stage",
        function="tasks.ingestion:read_traces",
        key="k",
        code_fingerprint="f",
        settings_hash="s",
        numeric_profile="p",
        arguments={"source": {"path": "x"}},
        inputs=[],
        outputs=[f"traces:{_HASH}"],
        output={"traces": {"kind": "traces", "content_hash": _HASH, "rows": 1}},
        counts=StepCounts(rows_in=1, rows_out=1),
        cached=False,
        attempts=1,
        git_sha=None,
        started_at=_NOW,
        duration_s=0.5,
    )
    summary = RunSummary(
        run_id="run",
        flow="import-traces",
        status="completed",
        run_hash=_HASH,
        n_stages=1,
        n_effects=0,
        n_cached=0,
        counts=StepCounts(),
        overall_passed=True,
        started_at=_NOW,
        finished_at=_NOW,
        duration_s=1.0,
    )
    other = receipt.model_copy(update={"step": "publish", "step_type": "effect"})
    files = {"receipts/read-traces.json": receipt, "receipts/publish.json": other, "summary.json": summary}
    return [{name: record.model_dump_json().encode() for name, record in files.items()}]


def _read_receipts(folder: Path, _scratch: Path) -> None:
    with suppress(MillraceError):
        read_summary(folder)
    read_receipts(folder)


def _golden() -> list[Files]:
    about = GoldenVersion(
        name="main", version="1.0.0", content_hash=_HASH, added=1, removed=0, created_at=utc(2026, 11, 9), note="n"
    )
    return [{f"golden/main/1.0.0/{ABOUT_FILE}": about.model_dump_json().encode()}]


def _read_golden(folder: Path, _scratch: Path) -> None:
    _about(Home(folder), "main", "1.0.0")


_BASELINE = b'{"audit_run_id": "a", "run_id": "r", "run_hash": "h", "figures": {"coverage": 0.5, "other": null}}\n'


def _read_witness(folder: Path, _scratch: Path) -> None:
    """Its callers know it by ValueError, and no other."""
    try:
        witness_of(Home(folder))
    except (ValueError, OSError) as error:
        raise BadInputError("damaged") from error


def _read_server(folder: Path, _scratch: Path) -> None:
    with patch.object(environment, "answers", return_value=False):  # nothing is asked over the network
        environment.running_server(folder)


def _read_secrets(folder: Path, _scratch: Path) -> None:
    home = Home(folder)
    assert home.identity
    assert home.subject_key


def _ledgers() -> list[Files]:
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        make_home(home)
        with Ledger.open(home / "ledger.sqlite") as ledger:
            pointers.set_pointer(
                ledger, "golden/main", {"version": "1.0.0", "dataset": {"rows": 3}}, at=_NOW, run_id="run"
            )
            audit_log.append(ledger, "approval-decided", actor="ann", subject="run", details={"a": 1}, at=_NOW)
        with sqlite3.connect(home / "ledger.sqlite") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return one_file("ledger.sqlite", (home / "ledger.sqlite").read_bytes())


def _read_ledger(folder: Path, _scratch: Path) -> None:
    with Ledger.open(the_file(folder), create=False) as ledger:
        reads: list[Callable[[], object]] = [
            lambda: ledger_tasks.tasks(ledger),
            lambda: ledger_tasks.task_history(ledger),
            lambda: ledger_runs.list_runs(ledger),
            lambda: pointers.pointers_under(ledger, "golden/"),
            lambda: pointers.pointer_history_of(ledger, "golden/main"),
            lambda: [catalogue.find(ledger, digit) for digit in "0a"],
            lambda: list(audit_log.entries(ledger)),
            lambda: pointers.set_pointer(ledger, "x", {"a": 1}, at=_NOW, run_id="run"),
        ]
        for read in reads[:-1]:
            with suppress(MillraceError):
                read()
        reads[-1]()
