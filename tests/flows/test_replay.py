"""Replays from file to report: who is asked, the escalation guard, the baseline, and the rate over time."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import blocks.chat_model
import blocks.embedder
from blocks.chat_model import GatewayBlock
from flows.replay import ReplayConfig, replay
from millrace.adapters.gateway_settings import GatewayModels
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import catalogue, pointers
from millrace.records.replay_report import ReplayReport
from tasks.home import Home
from tasks.receipts import read_receipts
from tests.support.embedder import stand_in
from tests.support.gateway import KEY, Asked, Play, PlayedGateway
from tests.support.gateway_client import settings
from tests.support.replays import KNOWLEDGE, T0, TASKS, distilled, rag_row, replayed, replays_of, task, write_tasks

MODELS = GatewayModels(main="big", cheap="small")
GOOD = {"pump": "The pump is tested twice a year [1].", "valve": "The miller opens the valve by hand [1]."}


def answering(**small: str) -> Any:
    """The big model answers well; the small one too, or as it is told by a word of the question."""

    def play(asked: Asked) -> Play:
        word = subject_of(asked)
        if asked.body["model"] == "small" and word in small:
            return Play(text=small[word])
        return Play(text=GOOD[word] if word else "I do not know the answer.")

    return play


def subject_of(asked: Asked) -> str | None:
    question = asked.question.rsplit("question]]\n", 1)[1]
    return next((word for word in ("pump", "valve") if word in question), None)


def models_asked(gateway: PlayedGateway) -> Counter[str]:
    """How many different questions each model was asked; a slow machine asks one again."""
    return Counter(model for model, _ in {(asked.body["model"], asked.question) for asked in gateway.requests})


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedGateway]:
    with PlayedGateway(answering(pump="The pump is broken [1].", valve="The valve has 7 ends [4].")) as played:
        use(monkeypatch, played, MODELS)
        yield played


def use(monkeypatch: pytest.MonkeyPatch, played: PlayedGateway, models: GatewayModels) -> None:
    block = GatewayBlock(settings=settings(played.url, patience={"total_s": 30.0}, models=models), key=SecretStr(KEY))
    monkeypatch.setattr(blocks.chat_model, "_block", lambda _name: block)


@pytest.fixture
def file(home: Home, tmp_path: Path) -> Path:
    distilled()
    return write_tasks(tmp_path)


def report_of(path: str) -> ReplayReport:
    return ReplayReport.model_validate(json.loads(Path(path).read_bytes()))


def failed_checks(home: Home, ref: Any) -> dict[str, list[str]]:
    return {
        task_id: [check.name for check in row.checks if not check.passed]
        for task_id, row in replays_of(home, ref).items()
    }


def test_without_a_gateway_extracts_answer_and_the_report_says_so(home: Home, file: Path) -> None:
    result = replayed(file)
    rows = replays_of(home, result.replays)
    assert {(row.tier, row.answered_by, row.passed) for row in rows.values()} == {("extractive", "extractive", True)}
    assert rows["t-pump"].answer == "The pump is tested twice a year."
    assert [each.purpose for each in rows["t-pump"].bundle] == ["accepted", "warning", "warning"]
    assert rows["t-moon"].bundle == []
    assert result.knowledge is not None
    assert {row.knowledge for row in rows.values()} == {result.knowledge.rows.content_hash}
    report = report_of(result.report.json_file)
    assert report.components[0].identity == "extractive"
    assert report.components[0].stands_in_for == "a local model behind a gateway"
    markdown, html = (Path(path).read_text() for path in (result.report.markdown, result.report.html))
    assert "stands in for a local model" in markdown
    assert "stands in for a local model" in html
    assert Path(result.report.markdown) == home.root / "eval_reports" / "replay" / "replay" / "report.md"


def test_with_never_the_stronger_model_is_never_called(home: Home, file: Path, gateway: PlayedGateway) -> None:
    result = replayed(file, gateway="environment", escalation="never")
    assert models_asked(gateway) == {"small": 3}
    rows = replays_of(home, result.replays)
    assert {row.tier for row in rows.values()} == {"local"}
    assert failed_checks(home, result.replays) == {
        "t-pump": ["groundedness"],
        "t-valve": ["groundedness", "citations"],
        "t-moon": [],
    }
    assert result.figures is not None
    assert (result.figures.n_escalated, result.figures.n_not_escalated, result.figures.n_passed) == (0, 2, 1)
    assert "never: the stronger model was not to be asked" in Path(result.report.markdown).read_text()


def test_what_fails_the_gate_goes_to_the_stronger_model(home: Home, file: Path, gateway: PlayedGateway) -> None:
    result = replayed(file, gateway="environment", escalation="allowed")
    assert models_asked(gateway) == {"small": 3, "big": 2}
    rows = replays_of(home, result.replays)
    found = {task_id: (row.tier, row.escalated, row.answered_by, row.passed) for task_id, row in rows.items()}
    assert found == {
        "t-pump": ("stronger", True, "big", True),
        "t-valve": ("stronger", True, "big", True),
        "t-moon": ("local", False, "small", True),
    }
    assert rows["t-pump"].answer == "The pump is tested twice a year."  # without the marks of its citations
    assert result.figures is not None
    assert (result.figures.escalation_rate.mean, result.figures.escalation_rate.n) == (pytest.approx(2 / 3), 3)
    assert failed_checks(home, result.attempts)["t-pump"] == ["groundedness"]


def test_the_budget_of_escalations_is_kept_from_the_first_task_on(
    home: Home, file: Path, gateway: PlayedGateway
) -> None:
    result = replayed(file, gateway="environment", escalation="allowed", max_escalations=1)
    assert models_asked(gateway) == {"small": 3, "big": 1}
    rows = replays_of(home, result.replays)
    assert [task_id for task_id, row in rows.items() if row.escalated] == ["t-pump"]
    assert not rows["t-valve"].passed
    nothing = replayed(file, "none", gateway="environment", escalation="allowed", max_escalations=0)
    assert models_asked(gateway)["big"] == 1
    assert nothing.figures is not None
    assert nothing.figures.n_not_escalated == 2


def test_the_top_tier_can_fail_the_gate_or_the_call(home: Home, file: Path, gateway: PlayedGateway) -> None:
    def script(asked: Asked) -> Play:
        if asked.body["model"] == "big":
            return Play(status=400) if subject_of(asked) == "valve" else Play(text="See x.md.")
        return answering(pump="No [9].", valve="No [9].")(asked)

    gateway.script = script
    result = replayed(file, gateway="environment", escalation="allowed")
    rows = replays_of(home, result.replays)
    assert (rows["t-pump"].passed, rows["t-pump"].error, rows["t-pump"].tier) == (False, None, "stronger")
    assert failed_checks(home, result.replays)["t-pump"] == ["groundedness", "files_and_ids"]
    assert (rows["t-valve"].passed, rows["t-valve"].answer, rows["t-valve"].escalated) == (False, None, True)
    assert (rows["t-valve"].error or "").startswith("refused: ")
    assert rows["t-moon"].passed


def test_a_local_call_that_fails_is_a_row_with_its_error_and_not_escalated(
    home: Home, file: Path, gateway: PlayedGateway
) -> None:
    good = answering()
    gateway.script = lambda asked: Play(status=400) if subject_of(asked) == "valve" else good(asked)
    result = replayed(file, gateway="environment", escalation="allowed")
    assert models_asked(gateway)["big"] == 0
    rows = replays_of(home, result.replays)
    assert [row.error is None for row in rows.values()] == [True, False, True]
    assert result.figures is not None
    assert (result.figures.n_failed, result.figures.n_passed, result.figures.escalation_rate.n) == (1, 2, 2)


def test_personal_data_in_a_reply_is_redacted_and_fails_the_gate(
    home: Home, file: Path, gateway: PlayedGateway
) -> None:
    gateway.script = answering(pump="The pump is tested twice a year, ask ann@mill.example [1].")
    row = replays_of(home, replayed(file, gateway="environment").replays)["t-pump"]
    assert row.answer == "The pump is tested twice a year, ask [EMAIL]."
    assert "personal_data" in [check.name for check in row.checks if not check.passed]
    stored = [path for path in home.root.rglob("*") if path.is_file() and b"ann@mill" in path.read_bytes()]
    assert stored == []


def test_paid_replies_are_not_paid_again(file: Path, gateway: PlayedGateway) -> None:
    replayed(file, gateway="environment", escalation="allowed")
    n_asked = len(gateway.requests)
    replayed(file, "again", gateway="environment", escalation="allowed", as_of=T0.replace(hour=9))
    assert len(gateway.requests) == n_asked


def test_steps_of_a_row_reach_the_prompt_and_the_gate(home: Home, tmp_path: Path, gateway: PlayedGateway) -> None:
    distilled()
    own = [{"name": "form", "kind": "json_schema", "value": {"type": "object", "required": ["often"]}, "told": "JSON!"}]
    path = write_tasks(tmp_path, [task("t", "How often is the pump tested?", validation=own)])
    good = answering()
    gateway.script = lambda asked: Play(text='{"often": [1]}') if asked.body["model"] == "big" else good(asked)
    result = replayed(path, gateway="environment", escalation="allowed")
    assert all("JSON!" in question for question in gateway.questions())
    assert [check.name for check in replays_of(home, result.attempts)["t"].checks if not check.passed] == ["step:form"]
    (row,) = replays_of(home, result.replays).values()
    assert row.answer == '{"often": [1]}'  # no citation is read out of JSON
    assert "step:form" in [check.name for check in row.checks if check.passed]
    assert "JSON!" in row.steps


@pytest.mark.parametrize(
    ("models", "policy", "complaint"),
    [
        (GatewayModels(main="big"), "never", "no cheap model"),
        (GatewayModels(main="big", cheap="big"), "allowed", "both big"),
        (GatewayModels(main="big", cheap="small", fallback="big"), "never", "fallback big"),
        (GatewayModels(main="big", cheap="small", fallback="other"), "allowed", "fallback other"),
    ],
)
def test_a_gateway_that_could_go_past_the_gate_is_refused_before_any_work(
    home: Home,
    file: Path,
    gateway: PlayedGateway,
    monkeypatch: pytest.MonkeyPatch,
    models: GatewayModels,
    policy: str,
    complaint: str,
) -> None:
    use(monkeypatch, gateway, models)
    with pytest.raises(BadInputError, match=complaint):
        replayed(file, gateway="environment", escalation=policy)
    assert gateway.requests == []
    assert not (home.run_folder("replay") / "receipts").exists()


def test_escalation_needs_a_gateway() -> None:
    with pytest.raises(ValidationError, match="allowed needs a gateway"):
        ReplayConfig(file="tasks.jsonl", escalation="allowed")


def test_a_dry_run_asks_nobody_and_logs_nothing_as_evidence(home: Home, file: Path, gateway: PlayedGateway) -> None:
    result = replayed(file, gateway="environment", escalation="allowed", dry_run=True)
    assert gateway.requests == []
    assert (result.replays, result.figures) == (None, None)
    assert {ref.kind for ref in home.datasets.refs()}.isdisjoint({"replays"})
    assert pointers.pointers_under(home.ledger, "replays/") == []
    report = report_of(result.report.json_file)
    assert [row[:3] for row in report.lists[0].rows] == [["t-pump", 1, 2], ["t-valve", 1, 0], ["t-moon", 0, 0]]
    markdown = Path(result.report.markdown).read_text()
    assert "no model was asked" in markdown
    assert "3 prompts built" in markdown


def test_no_knowledge_stops_a_run_unless_the_baseline_was_asked_for(home: Home, tmp_path: Path) -> None:
    path = write_tasks(tmp_path)
    with pytest.raises(NotFoundError, match="no distillation was completed"):
        replayed(path)
    result = replayed(path, "base", retrieval="none")
    assert result.knowledge is None
    assert {(row.retrieval, row.knowledge, len(row.bundle)) for row in replays_of(home, result.replays).values()} == {
        ("none", None, 0)
    }
    markdown = Path(result.report.markdown).read_text()
    assert "the baseline: nothing was retrieved" in markdown


def test_an_empty_export_and_an_empty_file_are_no_failures(home: Home, tmp_path: Path) -> None:
    distilled([])
    figures = replayed(write_tasks(tmp_path)).figures
    assert figures is not None
    assert (figures.n_abstained, figures.n_passed) == (3, 3)
    nothing = replayed(write_tasks(tmp_path, [], "none.jsonl"), "none").figures
    assert nothing is not None
    assert (nothing.pass_rate.mean, nothing.pass_rate.reason) == (None, "no_items")


def test_the_baseline_of_the_same_tasks_is_compared_pair_by_pair(home: Home, file: Path, tmp_path: Path) -> None:
    other = write_tasks(tmp_path, TASKS[:1], "other.jsonl")
    replayed(other, "elsewhere", retrieval="none")
    assert report_of(replayed(file, "before").report.json_file).baseline is None
    replayed(file, "base", retrieval="none")
    report = report_of(replayed(file, "after").report.json_file)
    assert report.baseline is not None
    assert (report.baseline.run_id, report.baseline.n_pairs) == ("base", 3)
    answered = report.baseline.differences[-1]
    assert (answered.without.mean, answered.with_knowledge.mean) == (0, pytest.approx(2 / 3))
    assert (answered.difference.mean, answered.difference.n) == (pytest.approx(2 / 3), 3)
    assert answered.difference.low is not None


def test_the_rate_falls_as_knowledge_grows_and_the_report_shows_it(
    home: Home, file: Path, gateway: PlayedGateway
) -> None:
    asked = {"gateway": "environment", "escalation": "allowed"}
    first = replayed(file, "first", **asked)
    replayed(file, "elsewhere", as_of=T0.replace(hour=7), series="other", **asked)
    gateway.script = answering()  # the local model has learned
    both = rag_row("both", "How often is the pump tested, and who opens the valve?", "Yearly; by hand.")
    distilled([*KNOWLEDGE, both], "richer")
    second = replayed(file, "second", as_of=T0.replace(hour=8), **asked)
    report = report_of(second.report.json_file)
    assert [point.run_id for point in report.trend] == ["first", "second"]
    assert [point.figures.escalation_rate.mean for point in report.trend] == [pytest.approx(2 / 3), 0]
    assert report.change is not None
    assert report.change.mean == pytest.approx(-2 / 3)
    assert first.figures is not None
    assert "Escalation over time" in Path(second.report.markdown).read_text()


def test_replays_are_catalogued_as_evidence_and_attempts_are_not(home: Home, file: Path) -> None:
    result = replayed(file)
    found = catalogue.resolve_window(home.ledger, "replays", T0, T0.replace(year=2027))
    assert [(entry.ref, entry.tenants) for entry in found] == [(result.replays, ["mill"])]


def test_what_was_embedded_before_is_not_embedded_again(home: Home, file: Path) -> None:
    replayed(file, "first")
    distilled(KNOWLEDGE, "same")
    replayed(file, "second")
    steps = {each.step: each for each in read_receipts(home.run_folder("second"))}
    assert steps["publish-index"].output["n_chunks"] == len(KNOWLEDGE)
    first = {each.step: each for each in read_receipts(home.run_folder("first"))}
    assert steps["embed-chunks"].outputs == first["embed-chunks"].outputs


def test_two_homes_give_equal_replays(home: Home, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = replayed(file)
    other = Home(tmp_path / "other")
    other.root.mkdir()
    monkeypatch.setenv("MILLRACE_HOME", str(other.root))
    distilled()
    again = replayed(file, workers=1)
    assert (again.replays, again.attempts, again.figures) == (first.replays, first.attempts, first.figures)


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_the_flow_runs_on_prefect_and_its_second_run_is_equal(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks.embedder, "_block", stand_in)
    distilled()
    config = ReplayConfig.model_validate({"file": str(write_tasks(tmp_path)), "store": "memory", "as_of": T0})
    first, second = replay(config), replay(config)
    assert first.replays == second.replays
    assert first.figures is not None
    assert (first.figures.n_tasks, first.figures.n_passed) == (3, 3)
    assert Path(first.report.html).is_file()
