"""``millrace gate`` on runs, reports and promptfoo files: exit codes, table, document and JUnit XML."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from lxml import etree
from typer.testing import CliRunner

from apps.cli import gate
from millrace.datasets.canonical import sha256_json
from millrace.datasets.manifest import DatasetRef, Origin
from millrace.datasets.schema import table_of
from millrace.ledger import runs
from millrace.records.evaluation import MetricScore
from millrace.records.receipt import Receipt, StepCounts
from tasks.home import Home
from tests.monitoring.test_eval_results import summary
from tests.support.promptfoo import promptfoo_document, promptfoo_result

ORIGIN = Origin(stage="test", code_fingerprint="", settings_hash="", inputs=[], numeric_profile="")
AT = datetime(2026, 11, 20, tzinfo=UTC)
Gate = Callable[..., Any]


@pytest.fixture
def call(home: Home) -> Gate:
    """``millrace gate`` on the test's home: exit code, stdout, stderr."""
    app = typer.Typer()
    app.callback()(lambda: None)
    gate.register(app)

    def run(*arguments: object) -> Any:
        return CliRunner().invoke(app, ["gate", *map(str, arguments), "--home", str(home.root)])

    return run


@pytest.fixture
def evaluated(home: Home) -> Callable[..., str]:
    """A run whose receipts name real datasets of metric scores, one for each step."""

    def make(run_id: str, **steps: Sequence[float | None]) -> str:
        runs.start_run(home.ledger, run_id, flow="daily-eval", config={}, started_at=AT, process="elsewhere:1:1")
        for metric, values in steps.items():
            _write_receipt(home, run_id, metric, [_stored(home, metric, values)])
        return run_id

    return make


def _stored(home: Home, metric: str, values: Sequence[float | None]) -> DatasetRef:
    scores = [
        MetricScore(
            trace_id=f"{metric}-{number}",
            question_key=f"{number:064x}",
            metric=metric,
            tier="ragas",
            status="failed" if value is None else "scored",
            value=value,
            reason="no_reply" if value is None else None,
            source="judge 1",
        )
        for number, value in enumerate(values)
    ]
    return home.datasets.write(
        "metric_scores", table_of(MetricScore, scores), ORIGIN, key=sha256_json([metric, list(values)])
    )


def _write_receipt(home: Home, run_id: str, step: str, outputs: Sequence[DatasetRef]) -> None:
    names = [ref.name for ref in outputs]
    receipt = Receipt(
        run_id=run_id,
        step=step,
        step_type="stage",
        function="tasks:none",
        key="k",
        code_fingerprint="",
        settings_hash="",
        numeric_profile="",
        arguments={},
        inputs=[],
        outputs=names,
        output=names,
        counts=StepCounts(),
        cached=False,
        attempts=1,
        git_sha=None,
        started_at=AT,
        duration_s=0,
    )
    folder = home.run_folder(run_id) / "receipts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{step}.json").write_text(receipt.model_dump_json())


def promptfoo_file(path: Path, scores: Sequence[float], **options: Any) -> Path:
    results = [promptfoo_result(f"q{place}", {"golden": score}, **options) for place, score in enumerate(scores)]
    path.write_text(json.dumps(promptfoo_document(results)))
    return path


def report_file(path: Path, **means: float) -> Path:
    metrics = [summary(name, mean) for name, mean in means.items()]
    path.write_text(json.dumps({"format": 1, "sampling": {}, "metrics": metrics}))
    return path


def verdicts(outcome: Any) -> dict[str, str]:
    return {each["metric"]: each["verdict"] for each in json.loads(outcome.stdout)["metrics"]}


def test_a_run_that_is_as_good_passes(call: Gate, evaluated: Callable[..., str]) -> None:
    evaluated("before", faithfulness=[0.9, 0.5] * 20, relevance=[0.7] * 40)
    evaluated("after", faithfulness=[0.9, 0.5] * 20, relevance=[0.71] * 40)
    outcome = call("--baseline", "before", "--candidate", "aft", "--json")
    assert outcome.exit_code == 0
    document = json.loads(outcome.stdout)
    assert (document["passed"], document["verdict"], document["candidate"]) == (True, "pass", "after")
    assert document["baseline_kind"] == "run of daily-eval"
    assert verdicts(outcome) == {"faithfulness": "pass", "relevance": "pass"}
    shown = call("--baseline", "before", "--candidate", "after").stdout
    assert "passed" in shown
    assert "faithfulness" in shown


def test_a_run_that_is_worse_fails_with_code_1_and_says_on_what(
    call: Gate, evaluated: Callable[..., str], tmp_path: Path
) -> None:
    evaluated("before", faithfulness=[0.9] * 40, relevance=[0.7] * 40)
    evaluated("after", faithfulness=[0.6] * 40, relevance=[0.7] * 40)
    junit = tmp_path / "reports" / "gate.xml"
    outcome = call("--baseline", "before", "--candidate", "after", "--junit", junit)
    assert outcome.exit_code == 1
    assert "failed: faithfulness" in outcome.stdout
    assert "33.3 %" in outcome.stdout
    cases = {case.get("name"): case for case in etree.parse(str(junit)).iter("testcase")}
    assert cases["faithfulness"].find("failure").get("type") == "dropped"
    assert cases["relevance"].find("failure") is None
    only = call("--baseline", "before", "--candidate", "after", "--metric", "relevance", "--json")
    assert (only.exit_code, verdicts(only)) == (0, {"relevance": "pass"})
    assert call("--baseline", "before", "--candidate", "after", "--max-drop", "0.4").exit_code == 0


def test_what_is_inconclusive_passes_unless_strict(call: Gate, evaluated: Callable[..., str], tmp_path: Path) -> None:
    evaluated("before", pass_rate=[1.0] * 40)
    evaluated("after", pass_rate=[0.0] * 2 + [1.0] * 38)
    arguments = ("--baseline", "before", "--candidate", "after")
    relaxed, strict = call(*arguments), call(*arguments, "--strict", "--junit", tmp_path / "gate.xml")
    assert (relaxed.exit_code, strict.exit_code) == (0, 1)
    assert "--strict fails on these" in relaxed.stdout
    assert "failed: inconclusive, and --strict" in strict.stdout
    assert etree.parse(str(tmp_path / "gate.xml")).find(".//failure") is not None


def test_a_judge_that_broke_fails(call: Gate, evaluated: Callable[..., str]) -> None:
    evaluated("before", faithfulness=[0.9] * 20, relevance=[0.7] * 20)
    evaluated("after", faithfulness=[None] * 20, relevance=[0.7] * 20)
    outcome = call("--baseline", "before", "--candidate", "after", "--json")
    assert (outcome.exit_code, verdicts(outcome)["faithfulness"]) == (1, "fail")
    assert "20 failed (no_reply 20)" in json.loads(outcome.stdout)["metrics"][0]["message"]


def test_promptfoo_files_are_compared_in_pairs(call: Gate, tmp_path: Path) -> None:
    before = promptfoo_file(tmp_path / "before.json", [1.0] * 30, prompt="old")
    worse = promptfoo_file(tmp_path / "worse.json", [0.5] * 30, prompt="new")
    outcome = call("--baseline", before, "--candidate", worse, "--json")
    assert (outcome.exit_code, verdicts(outcome)) == (1, {"promptfoo/golden": "fail", "promptfoo/pass": "pass"})
    assert json.loads(outcome.stdout)["metrics"][0]["n_pairs"] == 30
    assert call("--baseline", before, "--promptfoo", worse).exit_code == 1
    assert call("--baseline", before, "--promptfoo", before).exit_code == 0


def test_a_run_and_a_promptfoo_file_are_put_together(call: Gate, evaluated: Callable[..., str], tmp_path: Path) -> None:
    evaluated("before", faithfulness=[0.9] * 20)
    evaluated("after", faithfulness=[0.9] * 20)
    golden = promptfoo_file(tmp_path / "golden.json", [1.0] * 30)
    worse = promptfoo_file(tmp_path / "worse.json", [0.5] * 30)
    run = ("--baseline", "before", "--candidate", "after", "--promptfoo", worse, "--json")
    listed = call(*run)
    assert (listed.exit_code, verdicts(listed)["promptfoo/golden"]) == (0, "not_compared")
    held = call(*run, "--baseline", golden)
    assert (held.exit_code, verdicts(held)["promptfoo/golden"], verdicts(held)["faithfulness"]) == (1, "fail", "pass")


def test_reports_have_means_only_and_the_bare_rule_decides(
    call: Gate, evaluated: Callable[..., str], tmp_path: Path
) -> None:
    before = report_file(tmp_path / "report.json", faithfulness=0.8)
    assert call("--baseline", before, "--candidate", report_file(tmp_path / "b.json", faithfulness=0.79)).exit_code == 0
    outcome = call("--baseline", before, "--candidate", report_file(tmp_path / "c.json", faithfulness=0.78))
    assert outcome.exit_code == 1
    assert "daily report (means only)" in outcome.stdout
    evaluated("after", faithfulness=[0.7] * 20)
    beside = call("--baseline", before, "--candidate", "after", "--json")
    assert json.loads(beside.stdout)["metrics"][0]["basis"] == "means"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--baseline", "before"), "give --candidate, --promptfoo or both"),
        (("--baseline", "before", "--candidate", "nothing"), "no run 'nothing' in this home"),
        (("--baseline", "before", "--candidate", "toy"), "put out no metric_scores; expected a run of daily-eval"),
        (("--baseline", "before", "--candidate", "none.json"), "none.json is not there"),
        (("--baseline", "before", "--candidate", "before", "--metric", "x"), "there are faithfulness"),
        (("--baseline", "before", "--baseline", "before", "--candidate", "before"), "give one of them"),
        (("--baseline", "before", "--promptfoo", "report.json"), "not a promptfoo file; name it with --candidate"),
        (("--baseline", "before", "--candidate", "report.json", "--max-drop", "2"), "less than or equal to 0.99"),
    ],
)
def test_what_cannot_be_compared_is_bad_input_and_said(
    call: Gate,
    evaluated: Callable[..., str],
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    report_file(tmp_path / "report.json", faithfulness=0.8)
    evaluated("before", faithfulness=[0.9] * 20)
    runs.start_run(home.ledger, "toy", flow="toy-flow", config={}, started_at=AT, process="elsewhere:1:1")
    outcome = call(*arguments)
    assert outcome.exit_code == 2
    assert said in " ".join(outcome.output.replace("│", " ").split())


def test_without_a_home_files_can_still_be_compared(call: Gate, home: Home, tmp_path: Path) -> None:
    before = promptfoo_file(tmp_path / "before.json", [1.0] * 30)
    assert call("--baseline", before, "--candidate", before).exit_code == 0
    outcome = call("--baseline", "before", "--candidate", before)
    assert outcome.exit_code == 2
    assert "no Millrace home" in outcome.output
