"""Files in, datasets, index, golden dataset and report out: the flows end to end, called directly."""

import inspect
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.answer_questions import answer_questions
from flows.import_traces import ImportTracesConfig, import_traces
from flows.ingest_documents import IngestDocumentsConfig, ingest_documents
from flows.weekly_flywheel import WeeklyFlywheelResult, weekly_flywheel
from millrace.answering.config import AnsweringConfig
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, NotFoundError, UnavailableError
from millrace.ledger import approvals, pointers, runs, subjects
from millrace.ledger.annotations import annotations_for
from millrace.ledger.tasks import tasks
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary
from tests.support import wheel
from tests.support.inputs import MONDAY, write_lines


def rows(home: Home, ref: DatasetRef) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.datasets.open(ref).to_arrow().to_pylist()
    return found


def trace(number: int, **fields: Any) -> dict[str, Any]:
    fact = f"The weight of pump {number} is {number + 20} kilograms."
    known = {
        "trace_id": f"t{number}",
        "time": (MONDAY + timedelta(hours=number)).isoformat(),
        "tenant_id": "mill",
        "question": f"What is the weight of pump {number}?",
        "contexts": [{"context_id": f"c{number}", "text": fact}],
        "answer": fact,
    }
    return known | fields


def test_an_import_takes_what_it_can_and_sets_the_rest_aside(home: Home, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [trace(1), {"trace_id": "no question"}, trace(2, answer="Ask a@b.org")])
    result = import_traces.fn(ImportTracesConfig(file=str(path)), run_id="import")
    assert [row["trace_id"] for row in rows(home, result.traces)] == ["t1", "t2"]
    assert rows(home, result.traces)[1]["answer"] == "Ask [EMAIL]"
    assert [(row["line"], row["source"]) for row in rows(home, result.skips)] == [(2, "t.jsonl")]
    summary = read_summary(home.run_folder("import"))
    assert summary is not None
    assert (summary.counts.rows_out, summary.counts.rows_skipped) == (2, 1)


def test_documents_are_answered_from_after_they_are_ingested(home: Home, inputs: Path) -> None:
    config = IngestDocumentsConfig(folder=str(inputs / "documents"), tenant="mill")
    ingested = ingest_documents.fn(config, run_id="documents")
    assert len(rows(home, ingested.read.documents)) == 3
    assert ingested.index.n_chunks == len(rows(home, ingested.read.chunks)) > 3

    answered = answer_questions.fn(wheel.questions_config(inputs), run_id="questions")
    found = rows(home, answered.traces)
    assert len(found) == 6
    assert [row["question"] for row in found] == [row["question"] for row in rows(home, answered.read.questions)]
    pump = found[0]  # the documents tell of pump, valve and turbine
    assert pump["status"] == "answered"
    assert "tested twice a year" in pump["answer"]
    assert pump["citations"]


def test_a_tenant_finds_nothing_in_documents_of_another(home: Home, inputs: Path) -> None:
    config = IngestDocumentsConfig(folder=str(inputs / "documents"), tenant="dam")
    ingest_documents.fn(config, run_id="documents")
    answered = answer_questions.fn(wheel.questions_config(inputs), run_id="questions")
    assert {row["status"] for row in rows(home, answered.traces)} == {"abstained"}


def test_questions_without_an_index_are_told_how_to_make_one(home: Home, inputs: Path) -> None:
    with pytest.raises(NotFoundError, match="no index 'main' in this home; make one with `millrace run ingest"):
        answer_questions.fn(wheel.questions_config(inputs), run_id="questions")
    assert runs.run_of(home.ledger, "questions").status == "failed"


def test_ingesting_the_same_folder_again_builds_nothing_new(home: Home, inputs: Path) -> None:
    config = IngestDocumentsConfig(folder=str(inputs / "documents"), tenant="mill")
    first = ingest_documents.fn(config, run_id="one")
    again = ingest_documents.fn(config, run_id="two")
    assert (again.read, again.index) == (first.read, first.index)
    assert len(list(home.index_root.glob("*"))) == 1


def test_the_index_points_to_the_documents_ingested_last(home: Home, inputs: Path) -> None:
    config = IngestDocumentsConfig(folder=str(inputs / "documents"), tenant="mill")
    first = ingest_documents.fn(config, run_id="one")
    (inputs / "documents" / "new.md").write_text("# The mill\n\nIt was built in 1884.\n")
    second = ingest_documents.fn(config, run_id="two")
    assert second.index.snapshot != first.index.snapshot
    pointed = pointers.pointer(home.ledger, "index/main")
    assert pointed is not None
    assert pointed.value["snapshot"] == second.index.snapshot


def completed(result: WeeklyFlywheelResult | None) -> WeeklyFlywheelResult:
    assert result is not None
    assert result.status == "completed"
    return result


def test_the_wheel_turns_once_from_traces_to_golden_dataset_and_report(home: Home, inputs: Path) -> None:
    wheel.import_file(inputs / "traces.jsonl")
    assert wheel.week() is None
    asked = approvals.waiting(home.ledger, "week")[0]
    assert "**Week 2026-W46** (UTC)" in asked.markdown
    answered = wheel.answer_tasks()
    assert answered
    wheel.approve()
    result = completed(wheel.week())

    assert result.golden_version == "1.0.0"
    folder = home.root / "golden" / "main" / "1.0.0"
    golden = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert 0 < result.golden_added == len(golden) <= len(answered)
    assert {row["split"] for row in golden} <= {"eval", "train"}
    assert json.loads((folder / "version.json").read_text())["version"] == "1.0.0"

    assert result.report is not None
    for path in (result.report.markdown, result.report.html, result.report.json_file):
        assert "2026-W46" in Path(path).read_text()
    receipts = {each.step: each for each in read_receipts(home.run_folder("week"))}
    assert receipts["triage-traces"].counts.rows_out > 0
    assert receipts["score-groundedness"].inputs == receipts["select-traces"].outputs


def test_entering_a_completed_week_again_changes_nothing(home: Home, inputs: Path) -> None:
    wheel.import_file(inputs / "traces.jsonl")
    wheel.week()
    wheel.answer_tasks()
    wheel.approve()
    first = completed(wheel.week())
    assert completed(wheel.week()) == first
    assert len(pointers.pointer_history_of(home.ledger, "golden/main")) == 1


def test_only_traces_of_the_week_are_worked_on(home: Home, tmp_path: Path) -> None:
    days = [-1, 0, 6, 7]  # Sunday before, Monday, Sunday, Monday after
    found = [trace(day + 2, time=(MONDAY + timedelta(days=day)).isoformat()) for day in days]
    wheel.import_file(write_lines(tmp_path / "t.jsonl", found))
    wheel.week()
    receipts = {each.step: each for each in read_receipts(home.run_folder("week"))}
    assert receipts["select-traces"].output["n_outside"] == 2
    assert receipts["select-traces"].counts.rows_out == 2


def test_only_traces_of_the_tenants_named_are_worked_on(home: Home, tmp_path: Path) -> None:
    wheel.import_file(write_lines(tmp_path / "t.jsonl", [trace(1), trace(2, tenant_id="dam")]))
    wheel.week(tenants=["dam"])
    receipts = {each.step: each for each in read_receipts(home.run_folder("week"))}
    assert receipts["select-traces"].counts.rows_out == 1


def test_traces_that_come_in_later_belong_to_a_later_run(home: Home, tmp_path: Path) -> None:
    wheel.import_file(write_lines(tmp_path / "t.jsonl", [trace(1)]))
    wheel.week()
    wheel.import_file(write_lines(tmp_path / "late.jsonl", [trace(2)]), run_id="late")
    wheel.week()
    wheel.week("again")
    (first,) = [each for each in read_receipts(home.run_folder("week")) if each.step == "select-traces"]
    (again,) = [each for each in read_receipts(home.run_folder("again")) if each.step == "select-traces"]
    assert (first.counts.rows_out, again.counts.rows_out) == (1, 2)


def test_so_do_those_that_come_in_while_a_run_is_interrupted(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outage(*_: object) -> None:
        raise UnavailableError("interrupted")

    wheel.import_file(write_lines(tmp_path / "t.jsonl", [trace(1)]))
    with monkeypatch.context() as patch:
        patch.setitem(inspect.unwrap(weekly_flywheel.fn).__globals__, "resolve_sources", outage)
        with pytest.raises(UnavailableError, match="interrupted"):
            wheel.week()
    wheel.import_file(write_lines(tmp_path / "late.jsonl", [trace(2)]), run_id="late")
    wheel.week()
    (selected,) = [each for each in read_receipts(home.run_folder("week")) if each.step == "select-traces"]
    assert selected.counts.rows_out == 1


def test_an_empty_week_asks_nobody_and_reports_without_a_golden_version(home: Home) -> None:
    result = completed(wheel.week())
    assert approvals.approvals_of(home.ledger, "week") == []
    assert (result.reason, result.golden_version, result.golden_added) == ("nothing to decide", None, 0)
    assert result.report is not None
    assert Path(result.report.markdown).read_text()
    assert pointers.pointer(home.ledger, "golden/main") is None


def test_a_single_failure_is_a_group_of_one(home: Home, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [trace(1, answer=None, status="failed", error="timeout")])
    wheel.import_file(path)
    wheel.week()
    receipts = {each.step: each for each in read_receipts(home.run_folder("week"))}
    groups = rows(home, DatasetRef.model_validate(receipts["group-failures"].output["groups"]))
    assert [(group["size"], group["failure_type"]) for group in groups] == [(1, "system_error")]
    wheel.answer_tasks()
    wheel.approve()
    assert completed(wheel.week()).golden_added == 1


def test_a_rejected_week_changes_nothing_and_is_reported(home: Home, inputs: Path) -> None:
    wheel.import_file(inputs / "traces.jsonl")
    wheel.week()
    wheel.answer_tasks()
    wheel.approve(decision="reject")
    result = wheel.week()
    assert result is not None
    assert (result.status, result.reason) == ("rejected", "rejected by ada: seen")
    assert runs.run_of(home.ledger, "week").status == "rejected"
    assert pointers.pointer(home.ledger, "golden/main") is None
    assert result.report is not None
    assert "reject" in Path(result.report.markdown).read_text()


def test_what_is_answered_after_a_rejection_counts_and_what_was_answered_before_does_not(
    home: Home, inputs: Path
) -> None:
    wheel.import_file(inputs / "traces.jsonl")
    wheel.week()
    before = wheel.answer_tasks(up_to=1)
    wheel.approve(decision="reject")
    wheel.week()
    after = wheel.answer_tasks()
    assert before
    assert after
    wheel.week("second")
    wheel.approve("second")
    second = completed(wheel.week("second"))
    (dataset,) = [ref for ref in home.datasets.refs() if ref.kind == "golden" and ref.rows == second.golden_added]
    learnt = {row["annotation_id"] for row in rows(home, dataset)}
    given = {each.annotation_id: each.task_id for each in annotations_for(home.ledger)}
    assert {given[each] for each in learnt} <= set(after)
    assert len(learnt) == second.golden_added > 0


def test_a_second_week_on_the_same_traces_asks_nothing_and_adds_nothing(home: Home, inputs: Path) -> None:
    everything: dict[str, Any] = {"proposal": {"budget_minutes": 1_000.0}}
    wheel.import_file(inputs / "traces.jsonl")
    wheel.week(**everything)
    n_asked = len(wheel.answer_tasks())
    wheel.approve()
    completed(wheel.week(**everything))

    wheel.week("second", **everything)
    wheel.approve("second")
    result = completed(wheel.week("second", **everything))
    assert (result.golden_added, result.golden_version) == (0, "1.0.0")
    assert len(tasks(home.ledger)) == n_asked
    assert len(pointers.pointer_history_of(home.ledger, "golden/main")) == 1


def test_answers_that_come_after_the_approval_are_taken_by_the_next_week(home: Home, inputs: Path) -> None:
    wheel.import_file(inputs / "traces.jsonl")
    wheel.week()
    wheel.answer_tasks(up_to=1)
    wheel.approve()
    first = completed(wheel.week())
    late = wheel.answer_tasks()
    assert late
    wheel.week("second")
    wheel.approve("second")
    second = completed(wheel.week("second"))
    assert first.golden_added == 1
    assert 0 < second.golden_added <= len(late)


def test_two_weeks_under_way_never_ask_the_same_question(home: Home, inputs: Path) -> None:
    wheel.import_file(inputs / "traces.jsonl")
    wheel.week("one", proposal={"budget_minutes": 5.0})
    wheel.week("two")
    queued = tasks(home.ledger)
    assert {task.run_id for task in queued} == {"one", "two"}
    assert len({(task.tenant_id, task.question_key) for task in queued}) == len(queued)


def test_when_two_weeks_grow_one_golden_dataset_both_answers_are_kept(home: Home, tmp_path: Path) -> None:
    failed = {"answer": None, "status": "failed", "error": "timeout"}
    wheel.import_file(write_lines(tmp_path / "a.jsonl", [trace(1, **failed)]), run_id="a")
    wheel.week("one")
    wheel.import_file(
        write_lines(tmp_path / "b.jsonl", [trace(9, question="Who built the dam?", **failed)]), run_id="b"
    )
    wheel.week("two")
    for run_id in ("one", "two"):
        wheel.answer_tasks(run_id)
        wheel.approve(run_id)
    versions = [completed(wheel.week(run_id)).golden_version for run_id in ("one", "two")]
    assert versions == ["1.0.0", "1.1.0"]
    second = (home.root / "golden" / "main" / "1.1.0" / "rows.jsonl").read_text().splitlines()
    assert len(second) == 2


def test_whose_questions_are_in_the_golden_dataset_can_be_found(home: Home, tmp_path: Path) -> None:
    failed = {"answer": None, "status": "failed", "error": "timeout", "user_id": "ann"}
    wheel.import_file(write_lines(tmp_path / "t.jsonl", [trace(1, **failed)]))
    wheel.week()
    wheel.answer_tasks()
    wheel.approve()
    completed(wheel.week())
    ann = subjects.keyed_hash(home.subject_key, "user", "ann")
    holding = subjects.datasets_of_subject(home.ledger, "user", ann)
    kinds = {ref.kind for ref in home.datasets.refs() if ref.content_hash in holding}
    assert kinds >= {"traces", "selected_traces", "triage", "annotation_tasks", "golden"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"week": "2026-W60"}, "no ISO week '2026-W60'"), ({"time_zone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'")],
)
def test_a_week_that_does_not_exist_fails_before_anything_is_done(
    home: Home, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        wheel.week(**settings)
    summary = read_summary(home.run_folder("week"))
    assert summary is not None
    assert (summary.status, summary.n_stages, summary.n_effects) == ("failed", 0, 0)
    assert summary.reason is not None
    assert message in summary.reason


def test_by_default_it_is_the_week_before_the_runs_clock(home: Home) -> None:
    result = completed(wheel.week(week=None))
    assert result.report is not None
    assert "2026-W46" in result.report.markdown


def test_answering_ends_with_counts_and_starts_with_a_look_at_its_settings(home: Home, inputs: Path) -> None:
    config = IngestDocumentsConfig(folder=str(inputs / "documents"), tenant="mill")
    ingest_documents.fn(config, run_id="documents")
    answered = answer_questions.fn(wheel.questions_config(inputs), run_id="questions")
    assert sum(answered.outcomes.by_status.values()) == 6
    assert answered.outcomes.by_route == {"rag_knowledge_base": 6}
    assert (answered.outcomes.failures, answered.escalated.n_added) == ({}, 0)
    routed = wheel.questions_config(inputs).model_copy(update={"answering": AnsweringConfig()})
    with pytest.raises(BadInputError, match="no threshold for the embedder"):
        answer_questions.fn(routed, run_id="routed")
