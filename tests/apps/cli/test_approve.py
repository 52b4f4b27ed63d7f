"""Decisions without a waiting process: into the ledger, once, about what was pinned."""

from datetime import UTC, datetime

import pytest

from millrace.ledger import approvals
from millrace.ledger.approval_settings import set_single_user
from tests.support.approving import make_single_user


@pytest.fixture(autouse=True)
def _single_user(home):
    make_single_user(home)


GIVEN = ["--decision", "approve", "--reviewer", "Rae", "--note", "fine"]


def test_an_unsigned_decision_is_refused_with_the_ways_there_are(cli, asking, home):
    set_single_user(home.ledger, False, at=datetime.now(UTC), by="x")
    outcome = cli("approve", asking, *GIVEN)
    assert (outcome.code, "nobody can decide in this home yet" in outcome.err) == (2, True)
    assert "millrace reviewer add NAME --role security_admin" in outcome.err
    assert cli("reviewer", "add", "Ada", "--role", "security_admin").code == 0
    outcome = cli("approve", asking, *GIVEN)  # Rae is no reviewer
    assert outcome.code == 2
    for way in ("where Rae's key lies", "--code", "millrace reviewer single-user on"):
        assert way in outcome.err
    assert approvals.waiting(home.ledger, asking)


def test_the_page_is_shown_when_no_decision_is_given(cli, asking):
    outcome = cli("approve", asking)
    assert "Approve the toy?" in outcome.out
    assert "It made ratings." in outcome.out  # Markdown, rendered
    assert outcome.code == 2  # nobody can be asked here
    assert "give --decision" in outcome.err


def test_a_decision_is_recorded_with_reviewer_note_and_pinned_hash(cli, asking, home):
    outcome = cli("approve", "latest", *GIVEN, "--json")
    assert outcome.code == 0
    decided = approvals.approvals_of(home.ledger, asking)[0]
    assert (decided.decision, decided.reviewer, decided.note) == ("approve", "Rae", "fine")
    assert outcome.document["pinned_hash"] == decided.pinned_hash
    assert outcome.document["via"] == "ledger"


def test_latest_is_the_latest_run_that_asks_though_another_began_later(cli, asking, home, make_run):
    make_run("later")
    assert cli("approve", "latest", *GIVEN).code == 0
    assert approvals.approvals_of(home.ledger, asking)[0].decision == "approve"


def test_a_second_decision_is_refused(cli, asking):
    assert cli("approve", asking, *GIVEN).code == 0
    outcome = cli("approve", asking, "--decision", "reject", "--reviewer", "Max")
    assert outcome.code == 2
    assert "waits for no decision" in outcome.err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--decision", "perhaps", "--reviewer", "Rae"], "decision must be"),
        (["--decision", "approve", "--reviewer", " "], "reviewer must not be empty"),
        (["--decision", "approve"], "give --reviewer"),
    ],
)
def test_an_answer_that_cannot_be_used_is_explained_and_not_recorded(cli, asking, home, options, problem):
    outcome = cli("approve", asking, *options)
    assert outcome.code == 2
    assert problem in outcome.err
    assert approvals.waiting(home.ledger, asking)


def test_a_run_that_asks_nothing_is_an_error(cli, make_run):
    make_run("done")
    assert "waits for no decision; it is completed" in cli("approve", "done", *GIVEN).err


def test_a_minimum_of_answered_tasks_holds_here_too(cli, home):
    from millrace.ledger import runs

    at = datetime(2026, 11, 20, tzinfo=UTC)
    runs.start_run(home.ledger, "r", flow="toy-flow", config={"minimum_completed": 2}, started_at=at, process="x:1:1")
    runs.update_run(home.ledger, "r", status="failed")
    approvals.ask(home.ledger, "r", "approval-1", prefect_run_id=None, title="T", markdown="M", pinned_hash="h", at=at)
    assert "0 tasks are answered, 2 are needed" in cli("approve", "r", *GIVEN).err
    assert cli("approve", "r", "--decision", "reject", "--reviewer", "Rae").code == 0


def test_resuming_an_ended_run_does_nothing_and_is_no_error(cli, make_run):
    make_run("done")
    outcome = cli("resume", "done", "--json")
    assert outcome.code == 0
    assert outcome.document == {"run_id": "done", "status": "completed", "resumed": False}


def test_a_run_whose_process_lives_is_not_resumed(cli, home):
    from millrace.ledger import runs
    from tasks.processes import process_name

    at = datetime(2026, 11, 20, tzinfo=UTC)
    runs.start_run(home.ledger, "live", flow="toy-flow", config={}, started_at=at, process=process_name())
    outcome = cli("resume", "live")
    assert outcome.code == 2
    assert "which lives" in outcome.err
