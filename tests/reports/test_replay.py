"""The report of a replay: its numbers with their intervals, and what strangers wrote stays text."""

from typing import Any

from millrace.datasets.schema import table_of
from millrace.records.replay import Replay
from millrace.records.replay_report import ReplayPoint, ReplayReport
from millrace.replay.escalation_rate import bundle_figures, replay_figures
from millrace.reports.html import document_html
from millrace.reports.markdown import document_markdown
from millrace.reports.replay import replay_document
from tests.support.replays import T0

SETUP: dict[str, Any] = {
    "tasks_name": "tasks.jsonl",
    "n_skipped": 2,
    "retrieval": "index",
    "distill_run": "distilled",
    "knowledge": "c" * 64,
    "n_knowledge": 7,
    "n_accepted": 3,
    "n_warnings": 2,
    "min_similarity": 0.3,
    "min_groundedness": 0.55,
    "escalation": "allowed",
    "max_escalations": 5,
}


def row(task_id: str, passed: bool, **fields: Any) -> Replay:
    known: dict[str, Any] = {
        "replay_id": task_id,
        "task_id": task_id,
        "time": T0,
        "tenant_id": "mill",
        "question": "?",
        "retrieval": "index",
        "answered_by": "small",
        "tier": "local",
        "checks": [{"name": "length", "passed": passed}],
        "passed": passed,
    }
    return Replay.model_validate(known | fields)


def report(*, n_earlier: int = 0, setup: dict[str, Any] | None = None, **fields: Any) -> ReplayReport:
    rows = table_of(Replay, [row("a", True), row("b", False), row("c", False, tier="stronger", escalated=True)])
    figures = replay_figures(rows, rows)
    point = ReplayPoint(
        run_id="now",
        time=T0,
        tasks_name="tasks.jsonl",
        tasks="d" * 64,
        retrieval="index",
        escalation="allowed",
        knowledge=None,
        answerer="models",
        figures=figures,
    )
    earlier = [point.model_copy(update={"run_id": f"run {place}"}) for place in range(n_earlier)]
    known: dict[str, Any] = {
        "run_id": "now",
        "flow": "replay",
        "reported_at": T0,
        "setup": SETUP | (setup or {}),
        "components": [],
        "bundles": bundle_figures([rows.select(["bundle"])]),
        "figures": figures,
        "trend": [*earlier, point],
    }
    return ReplayReport.model_validate(known | fields)


def test_rates_stand_with_their_intervals_and_numbers() -> None:
    text = document_markdown(replay_document(report(n_earlier=1)))
    assert "**Escalated:** 1 (rate 0.33 \\[0.06, 0.79\\] (n = 3))" in text  # Wilson's interval of 1 of 3
    assert "1, at most 5 allowed; 1 more failed and were not" in text
    assert "| length | 2 | 2 |" in text
    assert "| run 0 |" in text
    assert "Rows of the task file that could not be taken:** 2" in text


def test_what_is_missing_is_said() -> None:
    text = document_markdown(replay_document(report()))
    assert "No earlier run can be compared with" in text
    assert "No run of the same tasks without knowledge was found" in text
    baseline = document_markdown(replay_document(report(setup={"retrieval": "none"})))
    assert "Nothing was retrieved: this run is the baseline" in baseline
    assert "Against no knowledge" not in baseline
    dry = document_markdown(replay_document(report(figures=None, trend=[], setup={"dry_run": True})))
    assert "no model was asked" in dry
    assert "How the tasks ended" not in dry


def test_strangers_texts_are_shown_as_text() -> None:
    evil = "<script>alert(1)</script>"
    failed = {
        "name": "failed",
        "title": "Tasks that did not pass",
        "columns": ["Task", "Question"],
        "rows": [["t", evil]],
        "n": 200,
        "command": "millrace rows now",
    }
    document = replay_document(report(setup={"tasks_name": evil}, lists=[failed]))
    page = document_html(document)
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert evil not in document_markdown(document)
    assert "millrace rows now" in document_markdown(document)
