"""The daily evaluation, called directly: what it says of a day, and of the days before it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from apps.cli.embedding_files import write_embeddings
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, NotFoundError
from millrace.evaluation.metrics import METRICS
from millrace.ledger import pointers
from millrace.records.daily_report import DailyReport
from tasks.home import Home
from tasks.receipts import read_receipts
from tasks.recompute import recompute
from tests.support.days import bring, day_name, day_traces, evaluate
from tests.support.gateway import BROKEN, PlayedGateway
from tests.support.judge_replies import OTHER_FORM, with_lasting_faults

TROUBLE = (BROKEN, OTHER_FORM)
IN_TROUBLE = with_lasting_faults(0.1, TROUBLE)


def scores_of(home: Home, run_id: str) -> list[dict[str, Any]]:
    """Every metric score of a run."""
    found = [
        DatasetRef.model_validate(receipt.output)
        for receipt in read_receipts(home.run_folder(run_id))
        if receipt.step in ("score-model-free", "judge-with-ragas", "judge-with-deepeval")
    ]
    rows: list[dict[str, Any]] = [row for ref in found for row in home.datasets.open(ref).to_arrow().to_pylist()]
    return rows


def report_of(place: str) -> DailyReport:
    return DailyReport.model_validate(json.loads(Path(place).read_text()))


def test_every_trace_has_one_row_for_every_metric_and_nothing_is_zero_for_want_of_a_judge(
    home: Home, tmp_path: Path
) -> None:
    bring(tmp_path, 0, day_traces(0, 12))
    result = evaluate(0)
    rows = scores_of(home, "day-0")
    assert result.n_traces == 12
    assert sorted((row["trace_id"], row["metric"]) for row in rows) == sorted(
        (f"trace-0-{place}", metric) for place in range(12) for metric in METRICS
    )
    judged = [row for row in rows if row["tier"] != "model_free"]
    assert {(row["status"], row["value"], row["reason"]) for row in judged} == {("skipped", None, "no_gateway")}

    report = report_of(result.report.json_file)
    known = {metric.metric: metric for metric in report.metrics}
    grounded = known["groundedness"].mean
    assert (grounded.n, grounded.n_failed) == (12, 0)
    assert grounded.mean is not None
    assert grounded.mean > 0.8
    assert known["ragas_faithfulness"].mean.mean is None
    assert len(report.skipped_tiers) == 2
    assert all(Path(place).is_file() for place in (result.report.html, result.report.markdown))


def test_a_run_that_is_entered_again_changes_nothing(home: Home, tmp_path: Path) -> None:
    bring(tmp_path, 0, day_traces(0, 5))
    first = evaluate(0)
    receipts = read_receipts(home.run_folder("day-0"))
    assert evaluate(0) == first
    again = read_receipts(home.run_folder("day-0"))
    assert [each.output for each in again] == [each.output for each in receipts]


def test_quiet_days_raise_no_alert_and_shuffled_passages_do(home: Home, tmp_path: Path) -> None:
    for number in range(5):
        bring(tmp_path, number, day_traces(number))
        assert evaluate(number).n_alerts == 0, number
    bring(tmp_path, 5, day_traces(5, shuffled=True))
    result = evaluate(5)
    report = report_of(result.report.json_file)
    assert result.n_critical > 0
    fired = {each.alert.figure: each.alert for each in report.alerts}
    assert fired["hallucination/groundedness"].playbook == "groundedness"
    assert "Groundedness" in Path(result.report.markdown).read_text()
    assert {each.delivery.outcome for each in report.alerts if each.delivery} == {"no_receiver"}
    series = {each.name: each for each in report.series if each.label is None}
    assert [point.day for point in series["hallucination/groundedness"].points] == [day_name(n) for n in range(6)]


def test_a_day_is_compared_with_the_days_before_it_only(home: Home, tmp_path: Path) -> None:
    for number in (0, 1, 2):
        bring(tmp_path, number, day_traces(number, 15))
    evaluate(2)
    evaluate(0)
    report = report_of(evaluate(1).report.json_file)
    assert report.drift.n_reference == 15  # of day 0 alone
    assert {point.day for series in report.series for point in series.points} == {day_name(0), day_name(1)}


def test_a_sample_is_evaluated_and_counts_for_all(home: Home, tmp_path: Path) -> None:
    bring(tmp_path, 0, day_traces(0, 40))
    result = evaluate(0, sample={"size": 10, "seed": 3})
    report = report_of(result.report.json_file)
    assert (report.sampling.n_traces, report.sampling.n_sampled, report.sampling.seed) == (40, 10, 3)
    assert len({row["trace_id"] for row in scores_of(home, "day-0")}) == 10
    assert report.traffic.n_traces == 40


def test_references_of_a_file_are_what_answers_are_held_against(home: Home, tmp_path: Path) -> None:
    rows = day_traces(0, 3)
    bring(tmp_path, 0, rows)
    known = [
        {"question": rows[0]["question"], "reference_answer": rows[0]["answer"], "tenant_id": "mill"},
        {"question": rows[1]["question"], "reference_context_ids": [rows[1]["contexts"][0]["context_id"]]},
        {"question": "   "},
    ]
    file = tmp_path / "references.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in known))
    result = evaluate(0, references=str(file), references_tenant="mill")
    found = {(row["trace_id"], row["metric"]): row["value"] for row in scores_of(home, "day-0")}
    assert found["trace-0-0", "reference_similarity"] == pytest.approx(1.0)
    assert found["trace-0-1", "context_recall"] == 1.0
    assert report_of(result.report.json_file).traffic.n_skipped == 1  # the blank one


def test_a_stretch_of_time_is_evaluated_and_is_no_day_of_the_history(home: Home, tmp_path: Path) -> None:
    bring(tmp_path, 0, day_traces(0, 8))
    start, end = f"{day_name(0)}T00:00:00Z", f"{day_name(0)}T00:04:00Z"
    result = evaluate(0, day=None, start=start, end=end)
    assert result.n_traces == 4
    assert pointers.pointers_under(home.ledger, "days/") == []
    with pytest.raises(BadInputError, match="give a day, or start and end"):
        evaluate(0, run_id="both", start=start, end=end)


def test_a_day_without_traces_says_so(home: Home) -> None:
    result = evaluate(0)
    report = report_of(result.report.json_file)
    assert result.n_traces == 0
    assert [each.alert.figure for each in report.alerts] == ["pipeline/traces"]
    assert report.canary.status == report.drift.status == "not_enough"


def test_every_stage_of_a_day_computed_again_gives_the_same(home: Home, tmp_path: Path) -> None:
    for number in (0, 1):
        bring(tmp_path, number, day_traces(number, 15))
        evaluate(number)
    again = list(recompute(home, read_receipts(home.run_folder("day-1")), tmp_path / "scratch"))
    assert len(again) > 15
    assert {each.status for each in again} == {"same"}, [each for each in again if each.status != "same"]


def test_a_days_questions_are_exported_with_their_vectors(home: Home, tmp_path: Path) -> None:
    bring(tmp_path, 0, day_traces(0, 6))
    evaluate(0)
    out = tmp_path / "phoenix"
    assert write_embeddings(home, "day-0", out) == 6
    rows = pq.read_table(out / "embeddings.parquet")
    named = json.loads((out / "schema.json").read_text())["inferences"]["embedding_feature_column_names"]["question"]
    assert {len(vector) for vector in rows.column(named["vector_column_name"]).to_pylist()} == {384}
    with pytest.raises(BadInputError, match="not an empty folder"):
        write_embeddings(home, "day-0", out)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedGateway]:
    """A gateway of the environment whose model judges by plain rules; some of its prompts never get a usable reply."""
    with PlayedGateway(IN_TROUBLE) as gateway:
        monkeypatch.setenv("MILLRACE_GATEWAY_URL", gateway.url)
        monkeypatch.setenv("MILLRACE_GATEWAY_MODEL", "judge")
        monkeypatch.setenv("MILLRACE_GATEWAY_KEY", "key")
        yield gateway


def test_judges_that_fail_are_rows_with_their_reason_and_are_told_apart(
    home: Home, tmp_path: Path, judged: PlayedGateway
) -> None:
    bring(tmp_path, 0, day_traces(0, 12))
    asked = {"judging": {"gateway": "environment"}}
    result = evaluate(0, **asked)
    rows = [row for row in scores_of(home, "day-0") if row["tier"] != "model_free"]
    assert len(rows) == 12 * 4
    assert {row["status"] for row in rows} == {"scored", "failed"}
    assert {row["reason"] for row in rows if row["status"] == "failed"} <= {"server_error", "wrong_schema"}
    report = report_of(result.report.json_file)
    summary = next(each for each in report.metrics if each.metric == "ragas_faithfulness")
    n_failed = sum(row["status"] == "failed" and row["metric"] == "ragas_faithfulness" for row in rows)
    assert (summary.mean.n, summary.mean.n_failed) == (12 - n_failed, n_failed)
    assert report.skipped_tiers == []
    assert {line.purpose for line in report.costs} >= {"judging: ragas_faithfulness", "judging: deepeval_faithfulness"}
    assert [each.name for each in report.lists if each.name.startswith("failed-")]

    n_asked = len(judged.requests)
    evaluate(0, "day-0-again", **asked)
    assert [row for row in scores_of(home, "day-0-again") if row["tier"] != "model_free"] == rows
    assert all(IN_TROUBLE(again) in TROUBLE for again in judged.requests[n_asked:])  # nothing else is asked twice


def test_a_gateway_or_a_file_that_is_not_there_fails_before_any_work(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLRACE_GATEWAY_URL", raising=False)
    with pytest.raises(BadInputError, match="MILLRACE_GATEWAY_URL"):
        evaluate(0, judging={"gateway": "environment"})
    with pytest.raises(NotFoundError, match="no file or folder nowhere"):
        evaluate(0, "day-0-file", references="nowhere.jsonl")
    assert not list(home.root.glob("runs/*/receipts/*"))
