"""Estimates of a run: rows from its input, speeds from this home's receipts or from a table."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import BaseModel

from millrace.datasets.parts import PART_ROWS
from millrace.errors import NotFoundError
from millrace.ledger.catalogue import resolve_window
from millrace.records.base import Record
from millrace.records.receipt import Receipt
from millrace.records.window import iso_week
from tasks.home import Home
from tasks.receipts import read_receipts

START_S = 10.0  # Prefect's temporary server; less with `millrace up`
ESTIMATED = "estimate for two cores"
MEASURED = "measured in this home"

# Rows of the run's input a second, on two shared cores with a bf16 CPU.
SPEEDS: dict[str, dict[str, float]] = {
    "import-traces": {"read-traces": 1_500},
    "ingest-documents": {"read-documents": 20, "embed-passages": 10},
    "answer-questions": {"answer-questions": 20},
    "weekly-flywheel": {
        "select-traces": 20_000,
        "score-groundedness": 300,
        "triage-traces": 2_000,
        "group-failures": 1_000,
        "propose-annotations": 2_000,
        "write-approval-page": 10_000,
    },
}


class StagePlan(Record):
    """One stage: input rows a second, and how long it should take."""

    stage: str
    rows_per_s: float
    expected_s: float
    basis: str


class Plan(Record):
    """A run that has not been started."""

    flow: str
    n_rows: int
    unit: str
    n_parts: int
    stages: list[StagePlan]
    expected_s: float
    cost_usd: float = 0.0
    cost_reason: str = "no paid model is configured"


def plan_flow(home: Home, flow: str, config: BaseModel) -> Plan:
    """What a run with these settings would work on, as this home stands now."""
    unit, count = _COUNTS[flow]
    n_rows = count(home, config)
    measured = _measured_speeds(home)
    stages = [
        StagePlan(
            stage=stage,
            rows_per_s=measured.get(stage, speed),
            expected_s=n_rows / measured.get(stage, speed),
            basis=MEASURED if stage in measured else ESTIMATED,
        )
        for stage, speed in SPEEDS[flow].items()
    ]
    return Plan(
        flow=flow,
        n_rows=n_rows,
        unit=unit,
        n_parts=ceil(n_rows / PART_ROWS),
        stages=stages,
        expected_s=START_S + sum(stage.expected_s for stage in stages),
    )


def count_rows(path: Path) -> int:
    """Rows of a Parquet or JSONL file; of a JSON array as many as it has lines.

    Raises:
        NotFoundError: no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"no file {path}", file=str(path))
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


def _week_rows(home: Home, config: Any) -> int:
    window = iso_week(config.week, config.time_zone, config.as_of or datetime.now(UTC))
    entries = resolve_window(home.ledger, "traces", window.start, window.end, tenants=config.tenants)
    return sum(entry.ref.rows for entry in entries)


def _file_rows(field: str) -> Callable[[Home, Any], int]:
    return lambda _home, config: count_rows(Path(getattr(config, field)))


def _document_count(field: str) -> Callable[[Home, Any], int]:
    return lambda _home, config: sum(1 for _ in Path(getattr(config, field)).rglob("*.md"))


_COUNTS: dict[str, tuple[str, Callable[[Home, Any], int]]] = {
    "import-traces": ("rows", _file_rows("file")),
    "ingest-documents": ("documents", _document_count("documents")),
    "answer-questions": ("questions", _file_rows("questions")),
    "weekly-flywheel": ("traces", _week_rows),
}


def _measured_speeds(home: Home) -> dict[str, float]:
    """Input rows a second by stage, over all its calls in this home that were really computed."""
    n_rows: defaultdict[str, int] = defaultdict(int)
    seconds: defaultdict[str, float] = defaultdict(float)
    for receipt in _computed(home):
        stage = receipt.function.partition(":")[2].replace("_", "-")
        n_rows[stage] += _input_rows(receipt)
        seconds[stage] += receipt.duration_s
    return {stage: n_rows[stage] / seconds[stage] for stage in n_rows if n_rows[stage] and seconds[stage] > 0}


def _computed(home: Home) -> Iterator[Receipt]:
    for folder in sorted((home.root / "runs").glob("*/receipts")):
        if any(folder.glob("*.json")):
            yield from (each for each in read_receipts(folder.parent) if each.step_type == "stage" and not each.cached)


def _input_rows(receipt: Receipt) -> int:
    """Rows of the largest input dataset; for a stage that reads files, the rows that it made of them."""
    largest = max(_ref_rows(receipt.arguments), default=0)
    return largest or receipt.counts.rows_out + receipt.counts.rows_skipped


def _ref_rows(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        if value.keys() == {"kind", "content_hash", "rows"}:
            yield int(value["rows"])
        else:
            for item in value.values():
                yield from _ref_rows(item)
    elif isinstance(value, list):
        for item in value:
            yield from _ref_rows(item)
