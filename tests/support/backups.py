"""A small home with something of everything that a home holds, and backups written by hand."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

from millrace.datasets.manifest import DatasetRef, Origin
from millrace.datasets.schema import table_of
from millrace.governance.backup_blocks import BlockWriter
from millrace.governance.backup_writing import FORMAT
from millrace.ledger import approvals, catalogue, runs
from millrace.ledger.schema import SCHEMA_VERSION
from millrace.records.backup import BackupAbout, BackupFile, BackupManifest
from millrace.records.base import Record
from millrace.records.trace import HumanRating, utc
from tasks.home import Home

AT = utc(2026, 1, 5)
ELSEWHERE = "another-host:1:1"
ORIGIN = Origin(stage="test", code_fingerprint="", settings_hash="", inputs=[], numeric_profile="")
KEPT = {
    "audit/baseline.json": b"{}",
    "exports/distil-1/train.jsonl": b'{"a": 1}\n',
    "golden/main/1.0.0/version.json": b"{}",
    "golden/main/1.0.0/rows.jsonl": b"{}\n" * 5_000,
    "index/abc/shard/page.dat": b"x" + b"\0" * 2_000_000 + b"y" + b"\0" * 200_000,
    "ledger.sqlite.v1.bak": b"an older ledger",
    "releases/1.0.0/MANIFEST.json": b"{}",
    "runs/waits/receipts/0001.json": b"{}",
    "runs/Ü umlaut/summary.json": b"{}",
}
LEFT = (
    "datasets/.building/traces-1/part-0.parquet",
    "datasets/.building/traces-1.lock",
    "golden/main/.1.1.0-run/rows.jsonl",
    "logs/server.log",
    "prefect/prefect.db",
    "results/abc",
    "runs/waits/.summary.json.1-2.tmp",
    "server.json",
)


def small_home(root: Path) -> Home:
    """One dataset, a run that waits elsewhere, a secret, and every kind of file that is kept or left."""
    home = Home(root)
    rate(home, 1)
    runs.start_run(home.ledger, "waits", "weekly-flywheel", {}, AT, ELSEWHERE, prefect_run_id="p1")
    runs.update_run(home.ledger, "waits", status="waiting")
    approvals.ask(home.ledger, "waits", "approve", "p1", "Week", "# Week", "0" * 64, AT)
    home.subject_key  # noqa: B018  made when it is asked for
    for name, content in (KEPT | dict.fromkeys(LEFT, b'"left"')).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return home


def rate(home: Home, value: int) -> DatasetRef:
    """A small dataset of its own, catalogued."""
    row = HumanRating(trace_id="t", dimension="d", annotator="a", value=value)
    ref = home.datasets.write("human_ratings", table_of(HumanRating, [row]), ORIGIN, key=str(value))
    catalogue.register(home.ledger, ref, time_from=None, time_to=None, tenants=[], run_id="r", at=AT)
    return ref


def no_show(_done: int, _total: int) -> None:
    """Says nothing."""


def about(**changed: Any) -> BackupAbout:
    """What a backup says of itself."""
    facts = {"format": FORMAT, "millrace": "1", "schema_version": SCHEMA_VERSION, "kinds": {}, "made_at": AT}
    facts |= {"n_files": 1, "n_bytes": 10**6, "n_disk_bytes": 0, "secrets": [], "left_out": []}
    return BackupAbout.model_validate(facts | changed)


def entry(name: str, content: bytes = b"", **facts: Any) -> tuple[tarfile.TarInfo, bytes]:
    """An entry of an archive; ``facts`` are attributes of its heading."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in facts.items():
        setattr(info, attribute, value)
    return info, content


def record(name: str, content: Record) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, content.model_dump_json().encode())


def listed(name: str, content: bytes) -> BackupFile:
    return BackupFile(name=name, sha256=hashlib.sha256(content).hexdigest(), n_bytes=len(content), start=0, end=1)


def archive(*entries: tuple[tarfile.TarInfo, bytes], files: tuple[BackupFile, ...] = ()) -> bytes:
    """A backup in the right outer form, of these entries and this list of files."""
    stream = io.BytesIO()
    writer: Any = BlockWriter(stream)
    with tarfile.open(fileobj=writer, mode="w") as opened:
        for info, content in (*entries, record("manifest.json", BackupManifest(files=list(files)))):
            opened.addfile(info, io.BytesIO(content))
    writer.finish()
    return stream.getvalue()
