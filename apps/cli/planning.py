"""Estimates of a run: rows from its input, speeds from this home's receipts or from a table."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from millrace.datasets.parts import PART_ROWS
from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion.document_files import SUFFIXES
from millrace.ledger.catalogue import find, resolve_window
from millrace.ledger.erasures import request_of
from millrace.ledger.expiry import catalogued
from millrace.ledger.pointers import pointer
from millrace.ledger.subjects import datasets_of_subject
from millrace.records.base import Record
from millrace.records.receipt import Receipt
from tasks.acceptance import fixture_folder, read_fixture
from tasks.distillations import find_distillation
from tasks.home import Home
from tasks.receipts import read_receipts
from tasks.windows import window_of

_ALWAYS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
START_S = 10.0  # Prefect's temporary server; less with `millrace up`
ESTIMATED = "estimate for two cores"
MEASURED = "measured in this home"

# Rows of the run's input a second, on two shared cores with a bf16 CPU.
SPEEDS: dict[str, dict[str, float]] = {
    "import-traces": {"read-traces": 1_500},
    "import-feedback": {"read-feedback": 10_000},
    "ingest-documents": {"read-documents": 100, "embed-chunks": 5, "publish-index": 100},
    "answer-questions": {"read-questions": 500, "answer-questions": 20},
    "weekly-flywheel": {
        "select-traces": 20_000,
        "score-groundedness": 300,
        "select-feedback": 50_000,
        "triage-traces": 2_000,
        "group-failures": 1_000,
        "propose-annotations": 2_000,
        "write-approval-page": 10_000,
    },
    "daily-eval": {
        "select-traces": 20_000,
        "score-groundedness": 300,
        "score-model-free": 500,
        "sample-questions": 1_000,
        "measure-day": 10_000,
    },
    "distill": {
        "collect-evidence": 100_000,
        "score-evidence": 300_000,
        "find-contamination": 5_000,
        "export-rag": 300_000,
        "export-sft": 300_000,
        "export-preference": 300_000,
        "publish-exports": 200_000,
    },
    "acceptance": {"judge-runs": 1_000},
    "audit": {"audit-distillation": 50_000},
    "replay": {"read-tasks": 500, "replay-locally": 20, "escalate-failures": 1_000},
    "release-freeze": {"check-distillation": 10, "run-gate": 2, "publish-release": 100},
    "erase-user": {"take-inventory": 50_000, "write-successors": 20_000, "verify-erasure": 50_000},
    "enforce-retention": {"plan-retention": 200, "purge-expired": 100},
}


class StepPlan(Record):
    """One stage or effect: input rows a second, and how long it should take."""

    step: str
    rows_per_s: float
    expected_s: float
    basis: str


class Plan(Record):
    """A run that has not been started."""

    flow: str
    n_rows: int
    unit: str
    n_parts: int
    steps: list[StepPlan]
    expected_s: float
    cost_usd: float = 0.0
    cost_reason: str = "no paid model is configured"


def plan_flow(home: Home, flow: str, config: BaseModel) -> Plan:
    """What a run with these settings would work on, as this home stands now."""
    unit, count = _COUNTS[flow]
    n_rows = count(home, config)
    measured = _measured_speeds(home)
    steps = [
        StepPlan(
            step=step,
            rows_per_s=measured.get(step, speed),
            expected_s=n_rows / measured.get(step, speed),
            basis=MEASURED if step in measured else ESTIMATED,
        )
        for step, speed in SPEEDS[flow].items()
    ]
    return Plan(
        flow=flow,
        n_rows=n_rows,
        unit=unit,
        n_parts=ceil(n_rows / PART_ROWS),
        steps=steps,
        expected_s=START_S + sum(step.expected_s for step in steps),
    )


def count_rows(path: Path) -> int:
    """Rows of a Parquet or JSONL file; of a JSON array as many as it has lines.

    Raises:
        NotFoundError: no such file.
        BadInputError: no Parquet file, whatever its name says.
    """
    if not path.is_file():
        raise NotFoundError(f"no file {path}", file=str(path))
    if path.suffix == ".parquet":
        try:
            return int(pq.read_metadata(path).num_rows)
        except (OSError, pa.ArrowException) as error:
            raise BadInputError(f"{path}: not a readable Parquet file: {error}", file=str(path)) from error
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


def _window_rows(home: Home, config: Any) -> int:
    window = window_of(config.model_dump(mode="json"), config.as_of or datetime.now(UTC))
    entries = resolve_window(home.ledger, "traces", window.start, window.end, tenants=config.tenants)
    return sum(entry.ref.rows for entry in entries)


def _file_rows(_home: Home, config: Any) -> int:
    return count_rows(Path(config.file))


def _document_count(_home: Home, config: Any) -> int:
    folder = Path(config.folder)
    if not folder.is_dir():
        raise NotFoundError(f"no folder {folder}", folder=str(folder))
    return sum(1 for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _stream_rows(home: Home, config: Any) -> int:
    """Rows of the home's traces, if they are a stream, and of the files."""
    own = 0
    if "traces" in config.streams:
        entries = resolve_window(home.ledger, "traces", config.start or _ALWAYS[0], config.end or _ALWAYS[1])
        own = sum(entry.ref.rows for entry in entries)
    return own + sum(count_rows(Path(each.file)) for each in config.files)


def _fixture_rows(_home: Home, config: Any) -> int:
    folder = fixture_folder(config.fixture)
    return sum(count_rows(folder / each.file) for each in read_fixture(folder).files)


def _distilled_records(home: Home, config: Any) -> int:
    run_id = find_distillation(home, config.distill_run)
    receipts = read_receipts(home.run_folder(run_id))
    return sum(each.counts.rows_out for each in receipts if each.step == "collect-evidence")


def _golden_rows(home: Home, config: Any) -> int:
    found = (pointer(home.ledger, f"golden/{name}") for name in config.golden)
    return sum(int(each.value["dataset"]["rows"]) for each in found if each is not None)


def _subject_rows(home: Home, config: Any) -> int:
    """Rows of the datasets in which the subject index knows of the person, theirs and others'."""
    request = request_of(home.ledger, config.handle)
    held = datasets_of_subject(home.ledger, request.subject_type, request.subject_hash)
    return sum(entry.ref.rows for content_hash in held for entry in find(home.ledger, content_hash))


def _dataset_count(home: Home, _config: Any) -> int:
    return len(catalogued(home.ledger))


_COUNTS: dict[str, tuple[str, Callable[[Home, Any], int]]] = {
    "import-traces": ("rows", _file_rows),
    "import-feedback": ("rows", _file_rows),
    "ingest-documents": ("documents", _document_count),
    "answer-questions": ("questions", _file_rows),
    "weekly-flywheel": ("traces", _window_rows),
    "daily-eval": ("traces", _window_rows),
    "distill": ("rows", _stream_rows),
    "acceptance": ("rows", _fixture_rows),
    "audit": ("records", _distilled_records),
    "replay": ("tasks", _file_rows),
    "release-freeze": ("golden rows", _golden_rows),
    "erase-user": ("rows", _subject_rows),
    "enforce-retention": ("datasets", _dataset_count),
}


def _measured_speeds(home: Home) -> dict[str, float]:
    """Input rows of the run a second, by step, over all calls in this home that were really computed."""
    n_rows: defaultdict[str, int] = defaultdict(int)
    seconds: defaultdict[str, float] = defaultdict(float)
    for receipts in _runs(home):
        n_input = _input_rows(receipts)
        for receipt in receipts:
            if not receipt.cached:
                step = receipt.function.partition(":")[2].replace("_", "-")
                n_rows[step] += n_input
                seconds[step] += receipt.duration_s
    return {step: n_rows[step] / seconds[step] for step in n_rows if n_rows[step] and seconds[step] > 0}


def _runs(home: Home) -> Iterator[list[Receipt]]:
    for folder in sorted((home.root / "runs").glob("*/receipts")):
        if any(folder.glob("*.json")):
            yield read_receipts(folder.parent)


def _input_rows(receipts: list[Receipt]) -> int:
    """Rows that the run's first step gave out, of the kind that it names first: its documents, questions or traces."""
    outputs = list(_outputs(receipts[0].output))
    return sum(rows for kind, rows in outputs if kind == outputs[0][0])


def _outputs(value: Any) -> Iterator[tuple[str, int]]:
    """Kind and rows of every dataset that an output names."""
    if isinstance(value, dict):
        if value.keys() == {"kind", "content_hash", "rows"}:
            yield str(value["kind"]), int(value["rows"])
        else:
            for item in value.values():
                yield from _outputs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _outputs(item)
