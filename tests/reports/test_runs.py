from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.records.receipt import Receipt, RunSummary, StepCounts
from millrace.reports.runs import run_summary_markdown

START = datetime(2026, 11, 16, 8, tzinfo=UTC)
HASH = "0123456789abcdef" * 4


def summary(**changes: Any) -> RunSummary:
    given: dict[str, Any] = {
        "run_id": "run-1",
        "flow": "weekly-flywheel",
        "status": "completed",
        "run_hash": HASH,
        "n_stages": 1,
        "n_effects": 1,
        "n_cached": 1,
        "counts": StepCounts(rows_in=10, rows_out=9, rows_skipped=1, rows_quarantined=2),
        "overall_passed": True,
        "started_at": START,
        "finished_at": START + timedelta(seconds=5),
        "duration_s": 5.0,
    }
    return RunSummary(**given | changes)


def receipt(step: str, second: int, **changes: Any) -> Receipt:
    given: dict[str, Any] = {
        "run_id": "run-1",
        "step": step,
        "step_type": "stage",
        "function": "tasks.x:y",
        "key": "key",
        "code_fingerprint": HASH,
        "settings_hash": HASH,
        "numeric_profile": "fp32",
        "arguments": {},
        "inputs": [],
        "outputs": [f"traces:{HASH}"],
        "output": None,
        "counts": StepCounts(rows_in=10, rows_out=9, rows_skipped=1, rows_quarantined=2),
        "cached": False,
        "attempts": 1,
        "git_sha": None,
        "started_at": START + timedelta(seconds=second),
        "duration_s": 1.234,
    }
    return Receipt(**given | changes)


def rows(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_each_step_is_a_row_in_order_of_start_and_the_last_row_sums_up() -> None:
    effect = receipt("publish", 2, step_type="effect", outputs=[], counts=StepCounts(), cached=True, attempts=2)
    table = rows(run_summary_markdown(summary(), [effect, receipt("import", 1)]))
    assert table[2] == ["import", "stage", "traces:0123456789ab", "10", "9", "1", "2", "no", "1", "1.23"]
    assert table[3] == ["publish", "effect", "–", "0", "0", "0", "0", "yes", "2", "1.23"]  # noqa: RUF001
    assert table[4] == ["all", "", "0123456789ab", "10", "9", "1", "2", "", "", "5.00"]


def test_a_failed_run_says_why_in_escaped_text() -> None:
    markdown = run_summary_markdown(summary(status="failed", reason="<b> | x", overall_passed=False), [])
    assert "- **Status:** failed: &lt;b&gt; \\| x" in markdown
    assert "- **Checks:** not all passed" in markdown


def test_a_run_without_steps_says_so() -> None:
    assert "No step was run." in run_summary_markdown(summary(n_stages=0, n_effects=0, n_cached=0), [])
