"""Weeks as they come: empty ones, late traces, overlapping ones, rejected and extended ones."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tasks.approval
from flows.weekly_flywheel import WeeklyFlywheelResult, weekly_flywheel
from millrace.datasets.manifest import DatasetRef
from millrace.ledger import approvals, pointers
from millrace.ledger.schema import ApprovalDecision
from millrace.ledger.tasks import Task
from millrace.ledger.tasks import tasks as queued_tasks
from tasks.home import Home
from tasks.receipts import read_receipts
from tests.support import wheel
from tests.support.approving import make_single_user
from tests.support.inputs import MONDAY, write_lines
from tests.support.reviewer import Reviewer

W46 = {"week": "2026-W46", "as_of": "2026-11-16T06:00:00Z"}
W47 = {"week": "2026-W47", "as_of": "2026-11-23T06:00:00Z"}
W48 = {"week": "2026-W48", "as_of": "2026-11-30T06:00:00Z"}
DAY = timedelta(days=1)
FAILED = {"answer": None, "status": "failed", "error": "timeout"}
QUESTIONS = (
    "Who built the dam?",
    "When was the sluice painted?",
    "How heavy is a millstone?",
    "Where does the spare rope hang?",
    "Which bearing squeaks at night?",
    "Why did the turbine stop in June?",
)


def failure(number: int, day: float, **fields: Any) -> dict[str, Any]:
    """A failed trace, so many days after the Monday of week 46."""
    known = {"trace_id": f"t{number}", "time": (MONDAY + day * DAY).isoformat(), "tenant_id": "mill"}
    return known | {"question": QUESTIONS[number]} | FAILED | fields


@pytest.fixture
def bring(home: Home, tmp_path: Path) -> Callable[..., None]:
    """Import traces, each call as a dataset of its own."""

    def import_traces(run_id: str, *traces: dict[str, Any]) -> None:
        wheel.import_file(write_lines(tmp_path / f"{run_id}.jsonl", list(traces)), run_id=run_id)

    return import_traces


def triaged(home: Home, run_id: str) -> list[str]:
    """Ids of the traces that a run looked at."""
    (receipt,) = [each for each in read_receipts(home.run_folder(run_id)) if each.step == "select-traces"]
    table = home.datasets.open(DatasetRef.model_validate(receipt.output["traces"])).to_arrow()
    found: list[str] = table.column("trace_id").to_pylist()
    return found


def n_late(home: Home, run_id: str) -> int:
    (receipt,) = [each for each in read_receipts(home.run_folder(run_id)) if each.step == "select-traces"]
    return int(receipt.output["n_late"])


def learnt(home: Home) -> list[str]:
    active = pointers.pointer(home.ledger, "golden/main")
    if active is None:
        return []
    table = home.datasets.open(DatasetRef.model_validate(active.value["dataset"])).to_arrow()
    return sorted(table.column("question").to_pylist())


def versions(home: Home) -> list[str]:
    return [each.value["version"] for each in pointers.pointer_history_of(home.ledger, "golden/main")]


def asked(home: Home, run_id: str) -> list[Task]:
    return queued_tasks(home.ledger, run_id=run_id)


def finish(run_id: str, decision: ApprovalDecision = "approve", **settings: Any) -> WeeklyFlywheelResult:
    wheel.approve(run_id, decision)
    result = wheel.week(run_id, **settings)
    assert result is not None
    return result


# --- late traces ---


def test_a_trace_that_comes_after_its_weeks_run_began_belongs_to_the_next_run(
    home: Home, bring: Callable[..., None]
) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 2), failure(2, 8))  # of week 46, late, and of week 47
    wheel.week("w47", **W47)
    assert triaged(home, "w46") == ["t0"]
    assert triaged(home, "w47") == ["t2", "t1"]
    assert (n_late(home, "w46"), n_late(home, "w47")) == (0, 1)
    assert {task.payload["question"] for task in asked(home, "w47")} == {QUESTIONS[1], QUESTIONS[2]}


def test_and_to_no_run_after_that(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 2))
    wheel.week("w47", **W47)
    bring("third", failure(2, 3))
    wheel.week("w48", **W48)
    assert triaged(home, "w47") == ["t1"]
    assert triaged(home, "w48") == ["t2"]


def test_the_first_run_ever_leaves_history_alone_and_so_does_the_next(home: Home, bring: Callable[..., None]) -> None:
    bring("history", failure(0, -30), failure(1, 1))
    wheel.week("w46", **W46)
    bring("more", failure(2, -40), failure(3, 9))  # no run of that week ever was: nobody missed it
    wheel.week("w47", **W47)
    assert triaged(home, "w46") == ["t1"]
    assert triaged(home, "w47") == ["t3"]


def test_a_file_imported_again_with_more_rows_brings_only_those_late(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("again", failure(0, 1), failure(1, 2))
    wheel.week("w47", **W47)
    assert triaged(home, "w47") == ["t1"]


def test_a_week_that_is_run_again_takes_its_late_traces_itself(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 2))
    wheel.week("w46-again", **W46)
    wheel.week("w47", **W47)
    assert triaged(home, "w46-again") == ["t0", "t1"]
    assert triaged(home, "w47") == []


def test_and_the_late_ones_of_the_week_before_that_its_first_run_took(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 2), failure(2, 8))
    wheel.week("w47", **W47)
    wheel.week("w48", **W48)
    wheel.week("w47-again", **W47)
    assert triaged(home, "w48") == []
    assert triaged(home, "w47-again") == triaged(home, "w47") == ["t2", "t1"]


@pytest.mark.parametrize("other", [{"time_zone": "Asia/Tokyo"}, {"tenants": ["mill"]}])
def test_runs_over_other_traffic_make_nothing_late(
    home: Home, bring: Callable[..., None], other: dict[str, Any]
) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46, **other)
    bring("second", failure(1, 2))
    wheel.week("w47", **W47)
    assert triaged(home, "w47") == []


def test_late_traces_of_other_tenants_are_left_out(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46, tenants=["mill"])
    bring("second", failure(1, 2), failure(2, 2, tenant_id="dam"))
    wheel.week("w47", **W47, tenants=["mill"])
    assert triaged(home, "w47") == ["t1"]


def test_a_run_that_failed_before_it_showed_anything_has_taken_nothing(
    home: Home, bring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **_named: object) -> None:
        raise RuntimeError("no groups today")

    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 2))
    with monkeypatch.context() as patch:
        patch.setattr("tasks.triage.group", fail)
        with pytest.raises(RuntimeError, match="no groups today"):
            wheel.week("w47", **W47)
    wheel.week("w48", **W48)
    assert triaged(home, "w48") == ["t1"]


def test_a_rejected_run_has_shown_its_late_traces_and_keeps_them(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 2))
    wheel.week("w47", **W47)
    finish("w47", "reject", **W47)
    wheel.week("w48", **W48)
    wheel.week("w47-again", **W47)
    assert triaged(home, "w48") == []
    assert triaged(home, "w47-again") == ["t1"]


def test_what_comes_while_a_run_waits_changes_nothing_of_it(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 2))
    wheel.week("w47", **W47)
    before = triaged(home, "w47")
    bring("third", failure(2, 3), failure(3, 8))
    wheel.week("w47", **W47)
    assert triaged(home, "w47") == before == ["t1"]


def test_a_trace_on_the_border_belongs_to_one_week_of_its_zone(home: Home, bring: Callable[..., None]) -> None:
    # Monday 2026-11-16, 00:00 in Berlin is Sunday 23:00 in UTC
    zone = {"time_zone": "Europe/Berlin"}
    bring("t", failure(0, 7 - 1 / 24), failure(1, 7 - 1 / 24 - 1e-6), failure(2, -1 / 24), failure(3, -1 / 24 - 1e-6))
    wheel.week("w46", **W46, **zone)
    wheel.week("w47", **W47, **zone)
    assert triaged(home, "w46") == ["t1", "t2"]
    assert triaged(home, "w47") == ["t0"]


# --- overlapping weeks ---


@pytest.mark.parametrize("order", [("w46", "w47"), ("w47", "w46")])
def test_two_weeks_that_wait_at_once_are_approved_in_any_order(
    home: Home, bring: Callable[..., None], order: tuple[str, str]
) -> None:
    settings = {"w46": W46, "w47": W47}
    bring("first", failure(0, 1), failure(1, 2))
    wheel.week("w46", **W46)
    # the first question is asked of the application again in week 47; people are not asked again
    bring("second", failure(2, 8), failure(3, 9), failure(0, 10, trace_id="again"))
    wheel.week("w47", **W47)
    assert {task.payload["question"] for task in asked(home, "w46")} == {QUESTIONS[0], QUESTIONS[1]}
    assert {task.payload["question"] for task in asked(home, "w47")} == {QUESTIONS[2], QUESTIONS[3]}
    for run_id in order:
        wheel.answer_tasks(run_id)
    results = [finish(run_id, **settings[run_id]) for run_id in order]
    assert [result.golden_version for result in results] == versions(home) == ["1.0.0", "1.1.0"]
    assert [result.golden_added for result in results] == [2, 2]
    assert learnt(home) == sorted(QUESTIONS[:4])


def test_answers_of_a_week_that_still_waits_are_left_to_it(home: Home, bring: Callable[..., None]) -> None:
    bring("first", failure(0, 1))
    wheel.week("w46", **W46)
    bring("second", failure(1, 8))
    wheel.week("w47", **W47)
    wheel.answer_tasks("w46")
    wheel.answer_tasks("w47")
    finish("w47", **W47)
    assert learnt(home) == [QUESTIONS[1]]
    finish("w46", **W46)
    assert learnt(home) == sorted(QUESTIONS[:2])


def test_an_answer_that_comes_after_its_weeks_approval_is_taken_by_the_week_that_waits(
    home: Home, bring: Callable[..., None]
) -> None:
    bring("first", failure(0, 1), failure(1, 2))
    wheel.week("w46", **W46)
    bring("second", failure(2, 8))
    wheel.week("w47", **W47)
    wheel.answer_tasks("w46", up_to=1)
    finish("w46", **W46)
    wheel.answer_tasks("w46")
    wheel.answer_tasks("w47")
    assert finish("w47", **W47).golden_added == 2
    assert learnt(home) == sorted(QUESTIONS[:3])
    assert versions(home) == ["1.0.0", "1.1.0"]


# --- weeks of little ---


def test_a_week_in_which_everything_failed_is_reported(home: Home, bring: Callable[..., None]) -> None:
    bring("t", *(failure(number, number) for number in range(6)))
    wheel.week("w46", **W46)
    wheel.answer_tasks("w46")
    result = finish("w46", **W46)
    assert result.golden_added == 6
    assert result.report is not None
    assert "6" in Path(result.report.markdown).read_text()


def test_a_week_of_which_no_row_could_be_read_is_reported_with_what_was_skipped(
    home: Home, bring: Callable[..., None]
) -> None:
    bring("t", {"trace_id": "no question"}, {"question": 7})
    wheel.week("w46", **W46)
    result = finish("w46", **W46)
    assert (result.status, result.golden_version, result.golden_added) == ("completed", None, 0)
    assert result.report is not None
    assert triaged(home, "w46") == []


def test_a_week_without_a_failure_is_reported(home: Home, bring: Callable[..., None]) -> None:
    fact = "The dam was built by the miller."
    bring("t", failure(0, 1, answer=fact, status="answered", error=None, contexts=[{"context_id": "c", "text": fact}]))
    wheel.week("w46", **W46)
    result = finish("w46", **W46)
    assert result.report is not None
    assert result.status == "completed"


# --- rejection and extension ---


def test_answers_that_were_rejected_are_taken_by_no_week_and_their_questions_not_asked_again(
    home: Home, bring: Callable[..., None]
) -> None:
    bring("first", failure(0, 1), failure(1, 2))
    wheel.week("w46", **W46)
    wheel.answer_tasks("w46", up_to=1)
    assert finish("w46", "reject", **W46).status == "rejected"
    bring("second", failure(2, 8), failure(0, 9, trace_id="again"))
    wheel.week("w47", **W47)
    wheel.answer_tasks("w47")
    finish("w47", **W47)
    assert learnt(home) == [QUESTIONS[2]]
    assert versions(home) == ["1.0.0"]


@pytest.fixture
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.approval, "POLL_INTERVAL_S", 0.2)
    monkeypatch.setattr(tasks.approval, "THIRTY_DAYS_S", 90)  # nobody waits for a test that hangs


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server", "_attentive")
def test_an_extension_keeps_what_was_pinned_and_answers_given_meanwhile_count(
    home: Home, bring: Callable[..., None]
) -> None:
    bring("first", failure(0, 1), failure(1, 2))

    def answered_after(extension: int) -> dict[str, Any]:
        bring(f"late-{extension}", failure(2 + extension, 1))  # belongs to another run
        wheel.answer_tasks("w46", up_to=1)
        return {"decision": "approve"}

    answers = [
        {"decision": "extend", "note": "Ann is back on Monday"},
        lambda: answered_after(0),  # one of two: refused
        lambda: answered_after(1),
    ]
    with Reviewer(home, answers, "w46") as reviewer:
        result = weekly_flywheel(wheel.week_config(**W46, minimum_completed=2), run_id="w46")
    assert result.golden_added == 2
    first, extended, refused = reviewer.asked
    assert first.pinned_hash == extended.pinned_hash == refused.pinned_hash
    assert "Rae asked for more time. Ann is back on Monday" in extended.markdown
    assert "1 tasks are answered, 2 are needed" in refused.markdown
    assert triaged(home, "w46") == ["t0", "t1"]
    assert learnt(home) == sorted(QUESTIONS[:2])


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server", "_attentive")
def test_an_empty_week_through_prefect_ends_with_a_report(home: Home) -> None:
    result = weekly_flywheel(wheel.week_config(**W46), run_id="w46")
    assert (result.status, result.reason, result.golden_added) == ("completed", "nothing to decide", 0)
    assert result.report is not None


def command(home: Home, *arguments: str) -> Any:
    from apps.cli.main import app

    result = CliRunner().invoke(app, [*arguments, "--home", str(home.root)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


GIVEN = ("--reviewer", "Rae", "--note", "Ann is back on Monday")


def test_the_command_line_extends_refuses_and_approves_as_the_page_does(
    home: Home, bring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.cli.deciding.prepare", lambda _root: None)  # sets variables for good
    make_single_user(home)
    settings = W46 | {"minimum_completed": 1}
    bring("first", failure(0, 1))
    wheel.week("w46", **settings)
    assert command(home, "approve", "w46", "--decision", "extend", *GIVEN).exit_code == 0
    assert wheel.week("w46", **settings) is None
    (again,) = approvals.waiting(home.ledger, "w46")
    assert again.key == "approval-2"
    assert "Rae asked for more time. Ann is back on Monday" in again.markdown

    refused = command(home, "approve", "w46", "--decision", "approve", *GIVEN)
    assert (refused.exit_code, "0 tasks are answered, 1 are needed" in refused.stderr) == (2, True)
    wheel.answer_tasks("w46")
    assert command(home, "approve", "w46", "--decision", "approve", *GIVEN).exit_code == 0
    result = wheel.week("w46", **settings)
    assert result is not None
    assert result.golden_added == 1
