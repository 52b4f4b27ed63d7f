"""The pause: what is pinned, what a person may answer, and what becomes of the answer."""

from collections.abc import Callable
from typing import Any

import pytest

import tasks.approval
from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError
from millrace.ledger import approvals, pins, queue, runs
from millrace.ledger.annotations import submit
from millrace.ledger.approvals import Approval
from millrace.ledger.tasks import NewTask
from millrace.records.base import Record
from millrace.records.trace import utc
from tasks.approval import Decision, ask_person, problems
from tasks.effect import effect
from tasks.home import Home
from tests.support.reviewer import Reviewer
from tests.tasks.turns import Turn, make_ratings

AT = utc(2026, 11, 16)
ANSWER = {"verdict": "ok", "expected_behaviour": "answer", "expected_answer": "a", "note": None}


class Result(Record):
    status: str
    decision: Decision


@effect
def publish() -> str:
    return "published"


def asking(minimum_completed: int = 0) -> Result:
    make_ratings(3)
    decision = ask_person(
        "Approve it?", "Three **ratings**.", permission="approve_week", minimum_completed=minimum_completed
    )
    if not decision.approved:
        return Result(status="rejected", decision=decision)
    publish()
    return Result(status="completed", decision=decision)


@pytest.mark.parametrize("decision", ["approve", "reject", "extend"])
def test_a_decision_with_a_name_is_in_order(decision: str) -> None:
    assert problems(decision, "Rae") == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"decision": ""}, "decision must be approve, reject or extend, not ''"),
        ({"decision": "yes"}, "decision must be approve, reject or extend, not 'yes'"),
        ({"decision": "invalid"}, "decision must be approve, reject or extend, not 'invalid'"),
        ({"reviewer": ""}, "reviewer must not be empty"),
        ({"reviewer": " \t"}, "reviewer must not be empty"),
        ({"reviewer": "x" * 513}, "reviewer must not be longer than 512 characters"),
        (
            {"n_completed": 2, "minimum_completed": 3},
            "2 tasks are answered, 3 are needed: answer more, extend or reject",
        ),
    ],
)
def test_what_is_wrong_with_an_answer_is_said_in_words(answer: dict[str, Any], expected: str) -> None:
    assert problems(**{"decision": "approve", "reviewer": "Rae"} | answer) == [expected]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert len(problems("maybe", "")) == 2


@pytest.mark.parametrize("decision", ["reject", "extend"])
def test_too_few_answers_forbid_an_approval_only(decision: str) -> None:
    assert problems(decision, "Rae", n_completed=0, minimum_completed=5) == []


def test_exactly_enough_answers_are_enough() -> None:
    assert problems("approve", "Rae", n_completed=3, minimum_completed=3) == []


@pytest.mark.parametrize("reviewer", ["x" * 512, f" {'x' * 512} "])
def test_the_longest_name_allowed_can_be_recorded(reviewer: str) -> None:
    assert problems("approve", reviewer) == []
    Decision(decision="approve", reviewer=reviewer.strip(), note="", pinned_hash="")


def decide(home: Home, decision: Any, run_id: str = "run") -> Approval:
    asked = approvals.waiting(home.ledger, run_id)[0]
    given = approvals.decide(home.ledger, run_id, asked.key, decision, "Rae", "seen", asked.pinned_hash, AT)
    return given.approval


def until_it_asks(turn: Turn, body: Callable[[], Any] = asking) -> None:
    with pytest.raises(BadInputError, match="waits for a decision; give it with `millrace approve run`"):
        turn(body)


def test_without_prefect_the_run_ends_and_goes_on_when_it_is_decided(plain: Turn, home: Home) -> None:
    until_it_asks(plain)
    until_it_asks(plain)
    asked = decide(home, "approve")
    result = plain(asking)
    expected = Decision(decision="approve", reviewer="Rae", note="seen", pinned_hash=asked.pinned_hash)
    assert result == Result(status="completed", decision=expected)
    assert len(approvals.approvals_of(home.ledger, "run")) == 1


def test_the_page_says_what_is_pinned_and_the_hash_names_every_output(plain: Turn, home: Home) -> None:
    until_it_asks(plain)
    asked = approvals.waiting(home.ledger, "run")[0]
    pinned = pins.pins_of(home.ledger, "run")["steps-approval"]
    assert asked.pinned_hash == sha256_json({"make-ratings": pinned["make-ratings"]["result"]["output"]})
    assert asked.markdown.startswith("# Approve it?\n\nThree **ratings**.")
    assert f"Run `run` · pinned `{asked.pinned_hash[:16]}`" in asked.markdown


def test_extend_asks_again_under_the_next_key_with_who_asked_for_time(plain: Turn, home: Home) -> None:
    until_it_asks(plain)
    decide(home, "extend")
    until_it_asks(plain)
    (again,) = approvals.waiting(home.ledger, "run")
    assert again.key == "approval-2"
    assert "Rae asked for more time. seen" in again.markdown


def test_a_second_question_of_one_run_gets_a_decision_of_its_own(plain: Turn, home: Home) -> None:
    def body() -> list[str]:
        first = ask_person("First?", "page", permission="approve_week")
        made = make_ratings(3)
        second = ask_person("Second?", "page", permission="approve_week")
        return [first.decision, made.name, second.decision]

    until_it_asks(plain, body)
    decide(home, "approve")
    until_it_asks(plain, body)
    (asked,) = approvals.waiting(home.ledger, "run")
    assert asked.title == "Second?"
    decide(home, "reject")
    first, made, second = plain(body)
    assert (first, second) == ("approve", "reject")
    assert pins.pins_of(home.ledger, "run")["steps-approval-2"]["make-ratings"]["result"]["output"]["kind"] in made


def test_a_rejection_ends_the_run_and_changes_nothing(plain: Turn, home: Home) -> None:
    until_it_asks(plain)
    decide(home, "reject")
    assert plain(asking).status == "rejected"
    assert runs.run_of(home.ledger, "run").status == "rejected"
    assert not (home.run_folder("run") / "receipts" / "publish.json").exists()


@pytest.fixture
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.approval, "POLL_INTERVAL_S", 0.2)
    monkeypatch.setattr(tasks.approval, "THIRTY_DAYS_S", 60)  # nobody waits for a test that hangs


@pytest.mark.prefect
@pytest.mark.usefixtures("_attentive")
def test_bad_answers_are_explained_and_asked_again_until_one_can_be_used(prefect: Turn, home: Home) -> None:
    answers: list[Any] = [
        {"decision": "perhaps", "reviewer": ""},
        {"decision": "extend", "note": "on Monday"},
        {"decision": " Approve ", "reviewer": " Rae ", "note": "fine"},
    ]
    with Reviewer(home, answers) as reviewer:
        result = prefect(asking)
    assert result.status == "completed"
    assert (result.decision.decision, result.decision.reviewer, result.decision.note) == ("approve", "Rae", "fine")
    first, second, third = reviewer.asked
    assert [each.key for each in reviewer.asked] == ["approval-1", "approval-2", "approval-3"]
    assert "last answer could not be used" not in first.markdown
    assert "not 'perhaps'; reviewer must not be empty" in second.markdown
    assert "Rae asked for more time. on Monday" in third.markdown
    assert len({each.pinned_hash for each in reviewer.asked}) == 1
    assert reviewer.statuses == ["waiting"] * 3
    decided = [each.decision for each in approvals.approvals_of(home.ledger, "run")]
    assert decided == ["invalid", "extend", "approve"]
    assert runs.run_of(home.ledger, "run").status == "completed"


@pytest.mark.prefect
@pytest.mark.usefixtures("_attentive")
def test_an_approval_is_refused_until_enough_tasks_are_answered(prefect: Turn, home: Home) -> None:
    def with_task() -> Result:
        task = NewTask(task_id="t", question_key="k", tenant_id="a", position=1, payload={})
        queue.enqueue(home.ledger, [task], "run", AT)
        return asking(minimum_completed=1)

    def answered() -> dict[str, Any]:
        submit(home.ledger, "t", "ann", ANSWER, AT)
        return {"minimum_completed": 0}  # a person may ask for more, not for less

    def still_too_few() -> dict[str, Any]:
        return answered() | {"minimum_completed": 2}

    with Reviewer(home, [{"minimum_completed": 0}, still_too_few, {}]) as reviewer:
        result = prefect(with_task)
    assert result.decision.approved
    assert "0 tasks are answered, 1 are needed" in reviewer.asked[1].markdown
    assert "1 tasks are answered, 2 are needed" in reviewer.asked[2].markdown


@pytest.mark.prefect
@pytest.mark.usefixtures("_attentive")
def test_a_rejection_through_prefect_ends_the_run_as_rejected(prefect: Turn, home: Home) -> None:
    with Reviewer(home, [{"decision": "reject", "note": "too early"}]):
        assert prefect(asking).status == "rejected"
    assert runs.run_of(home.ledger, "run").status == "rejected"
    assert not (home.run_folder("run") / "receipts" / "publish.json").exists()


@pytest.mark.prefect
def test_a_decision_given_while_no_process_waited_is_taken_without_a_pause(
    plain: Turn, prefect: Turn, home: Home
) -> None:
    until_it_asks(plain)
    decide(home, "approve")
    assert prefect(asking).status == "completed"
