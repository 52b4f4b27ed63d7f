"""The files of a run: one receipt a step, a summary, both also for reading."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from millrace.datasets.canonical import canonical_json, sha256_json
from millrace.datasets.files import write_atomic
from millrace.errors import NotFoundError
from millrace.records.json_file import read_json_record
from millrace.records.receipt import Receipt, RunStatus, RunSummary, StepCounts
from millrace.reports.runs import run_summary_markdown

if TYPE_CHECKING:
    from tasks.run import Run


def write_receipt(run: "Run", receipt: Receipt) -> None:
    """Write the step's receipt; an equal step that already has one keeps it, with its first times."""
    path = run.home.run_folder(run.run_id) / "receipts" / f"{receipt.step}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        known = read_json_record(path, Receipt)
        if (known.key, known.outputs, known.output) == (receipt.key, receipt.outputs, receipt.output):
            return
    write_atomic(path, canonical_json(receipt))


def read_receipts(run_folder: Path) -> list[Receipt]:
    """The receipts of a run by time of start, then step.

    Raises:
        NotFoundError: the run left none.
        BadInputError: one is damaged; the message names the file.
    """
    paths = sorted((run_folder / "receipts").glob("*.json"))
    if not paths:
        raise NotFoundError(f"no receipts under {run_folder}; `millrace runs` lists the runs of this home")
    receipts = [read_json_record(path, Receipt) for path in paths]
    return sorted(receipts, key=lambda receipt: (receipt.started_at, receipt.step))


def read_summary(run_folder: Path) -> RunSummary | None:
    """The run's summary; None while it has not ended.

    Raises:
        BadInputError: it is damaged.
    """
    path = run_folder / "summary.json"
    return read_json_record(path, RunSummary) if path.is_file() else None


def run_hash(receipts: list[Receipt]) -> str:
    """sha256 over what each stage gave out, datasets and plain facts; order of files does not matter."""
    given_out = {
        receipt.step: [receipt.outputs, receipt.output] for receipt in receipts if receipt.step_type == "stage"
    }
    return sha256_json(given_out)


def write_summary(
    run: "Run", *, status: RunStatus, reason: str | None, started_at: datetime, finished_at: datetime
) -> RunSummary:
    """Sum up the run as ``summary.json`` and ``summary.md``."""
    folder = run.home.run_folder(run.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    receipts = read_receipts(folder) if (folder / "receipts").is_dir() else []
    summary = RunSummary(
        run_id=run.run_id,
        flow=run.flow,
        status=status,
        reason=reason,
        run_hash=run_hash(receipts),
        n_stages=sum(receipt.step_type == "stage" for receipt in receipts),
        n_effects=sum(receipt.step_type == "effect" for receipt in receipts),
        n_cached=sum(receipt.cached for receipt in receipts),
        counts=_total(receipts),
        overall_passed=status != "failed",
        started_at=started_at,
        finished_at=finished_at,
        duration_s=max(0.0, (finished_at - started_at).total_seconds()),
    )
    write_atomic(folder / "summary.json", canonical_json(summary))
    write_atomic(folder / "summary.md", run_summary_markdown(summary, receipts).encode())
    return summary


def _total(receipts: list[Receipt]) -> StepCounts:
    names = StepCounts.model_fields
    return StepCounts(**{name: sum(getattr(receipt.counts, name) for receipt in receipts) for name in names})


def receipt_markdown(receipt: Receipt) -> str:
    """The receipt as a short table, for Prefect's page."""
    counts = receipt.counts
    rows = {
        "function": receipt.function,
        "key": receipt.key,
        "rows in / out / skipped / quarantined": " / ".join(
            str(n) for n in (counts.rows_in, counts.rows_out, counts.rows_skipped, counts.rows_quarantined)
        ),
        "duration": f"{receipt.duration_s:.2f} s",
        "inputs": "<br>".join(receipt.inputs) or "none",
        "outputs": "<br>".join(receipt.outputs) or "none",
        "commit": receipt.git_sha or "unknown",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])
