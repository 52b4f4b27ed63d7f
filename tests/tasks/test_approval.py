"""The pause: what is pinned, what a person may answer, and what becomes of the answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

import tasks.approval
from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError
from millrace.ledger import approvals, audit_log, pins, queue, reviewers, runs
from millrace.ledger.annotations import submit
from millrace.ledger.approval_settings import set_single_user
from millrace.ledger.approvals import Approval
from millrace.ledger.schema import approvals as approvals_table
from millrace.ledger.tasks import NewTask
from millrace.records.base import Record
from millrace.records.trace import utc
from tasks.approval import Decision, ask_person
from tasks.audit_log import witness_of
from tasks.decisions import Answer, take_answer
from tasks.effect import effect
from tasks.home import Home
from tests.support import approving
from tests.support.approving import add_reviewer
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


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_REVIEWER_KEYS", str(tmp_path / "keys"))


def decide(home: Home, decision: str, run_id: str = "run") -> Approval:
    """Unsigned, in a home that this makes single-user."""
    (given,) = approving.decide(home, run_id, decision, at=AT, reviewer="Rae")
    return given


def sign(home: Home, decision: Any = "approve", name: str = "Rae", *, at: datetime = AT) -> Approval:
    """Record a signed decision on what the run asks."""
    (asked,) = approvals.waiting(home.ledger, "run")
    code = approving.code_for(home, asked, decision, name, at=at)
    answer = Answer(decision=decision, reviewer=name, note="seen", code=code)
    return take_answer(home, asked, answer, "approve_week", at=at).approval


def audited(home: Home) -> list[tuple[str, str, Any]]:
    return [(each.action, each.actor, each.details) for each in audit_log.entries(home.ledger)]


def until_it_asks(turn: Turn, body: Callable[[], Any] = asking) -> None:
    with pytest.raises(BadInputError, match="waits for a decision; give it with `millrace approve run`"):
        turn(body)


def test_without_prefect_the_run_ends_and_goes_on_when_it_is_decided(plain: Turn, home: Home) -> None:
    until_it_asks(plain)
    until_it_asks(plain)
    asked = decide(home, "approve")
    result = plain(asking)
    expected = Decision(
        decision="approve",
        reviewer="Rae",
        note="seen",
        pinned_hash=asked.pinned_hash,
        proof="single_user",
        decided_at=AT,
    )
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


def test_a_signed_decision_is_taken_with_role_and_proof_and_enters_the_audit_log(plain: Turn, home: Home) -> None:
    add_reviewer(home, "Rae")
    until_it_asks(plain)
    (asked,) = approvals.waiting(home.ledger, "run")
    assert "from a reviewer who may `approve_week`: `millrace code run --decision approve`" in asked.markdown
    decided = sign(home)
    decision = plain(asking).decision
    assert (decision.reviewer, decision.role, decision.proof) == ("Rae", "compliance_officer", "signed")
    about = {"key": "approval-1", "pinned_hash": decided.pinned_hash}
    (ask, _, question), (took, who, what) = audited(home)
    assert (ask, took, who) == ("approval-asked", "approval-decided", "Rae")
    assert question == about | {"permission": "approve_week"}
    assert what == about | {"decision": "approve", "role": "compliance_officer", "proof": "signed"}
    assert witness_of(home) == audit_log.head(home.ledger)


def test_a_question_that_is_shown_again_is_logged_once(plain: Turn, home: Home) -> None:
    until_it_asks(plain)
    until_it_asks(plain)
    assert [action for action, _, _ in audited(home)] == ["approval-asked"]


def test_the_page_says_how_to_begin_where_nobody_can_decide_and_where_no_code_is_needed(
    plain: Turn, home: Home
) -> None:
    until_it_asks(plain)
    assert "Nobody can decide yet: `millrace reviewer add" in approvals.waiting(home.ledger, "run")[0].markdown
    approving.make_single_user(home)
    decide(home, "extend")
    until_it_asks(plain)
    assert "Single-user home: no code is needed" in approvals.waiting(home.ledger, "run")[0].markdown


def test_a_code_in_the_wrong_field_is_neither_taken_nor_kept_whole(plain: Turn, home: Home) -> None:
    add_reviewer(home, "Rae")
    until_it_asks(plain)
    (asked,) = approvals.waiting(home.ledger, "run")
    code = approving.code_for(home, asked, "approve", "Rae", at=AT)
    given = take_answer(home, asked, Answer(decision=code, reviewer="Rae"), "approve_week", at=AT).approval
    assert (given.decision, given.proof, given.role, given.code_hash) == ("invalid", None, None, None)
    assert given.note is not None
    assert given.note.startswith("decision must be approve, reject or extend, not 'mr1.")
    assert code.lower() not in given.note


def test_the_first_decision_stands_and_a_later_one_enters_no_log(plain: Turn, home: Home) -> None:
    add_reviewer(home, "Rae")
    until_it_asks(plain)
    (asked,) = approvals.waiting(home.ledger, "run")
    first, logged = sign(home, "reject"), audited(home)
    for decision, overruled in (("approve", True), ("reject", False)):
        code = approving.code_for(home, asked, decision, "Rae", at=AT)  # type: ignore[arg-type]
        answer = Answer(decision=decision, reviewer="Rae", code=code)
        late = take_answer(home, asked, answer, "approve_week", at=AT)
        assert (late.approval, late.overruled) == (first, overruled)
    assert audited(home) == logged


FORGED = {"decision": "approve", "reviewer": "Rae", "decided_at": AT, "proof": "signed", "role": "compliance_officer"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (FORGED, "unsigned"),
        (FORGED | {"proof": "single_user", "role": None}, "unsigned"),
        (FORGED | {"proof": None, "role": None}, "unsigned"),
        (FORGED | {"code": "MR1.a.b"}, "malformed"),
    ],
)
def test_a_row_that_something_else_wrote_into_the_ledger_is_not_taken(
    plain: Turn, home: Home, row: dict[str, Any], reason: str
) -> None:
    add_reviewer(home, "Rae")
    until_it_asks(plain)
    write_row(home, row)
    until_it_asks(plain)
    (again,) = approvals.waiting(home.ledger, "run")
    assert again.key == "approval-2"
    assert "A decision in the ledger could not be taken" in again.markdown
    assert audited(home)[1][0::2] == (
        "approval-refused",
        {"key": "approval-1", "pinned_hash": again.pinned_hash, "reasons": [reason]},
    )
    sign(home)
    assert plain(asking).decision.approved


@pytest.mark.parametrize("change", [{"decision": "approve"}, {"reviewer": "Max"}, {"role": "security_admin"}])
def test_a_signed_row_that_was_edited_is_not_taken(plain: Turn, home: Home, change: dict[str, Any]) -> None:
    for name in ("Rae", "Max"):
        add_reviewer(home, name)
    until_it_asks(plain)
    sign(home, "reject")
    write_row(home, change)
    until_it_asks(plain)
    assert approvals.waiting(home.ledger, "run")[0].key == "approval-2"


def test_a_decision_stands_though_reviewer_and_code_did_not_outlive_it(plain: Turn, home: Home) -> None:
    add_reviewer(home, "Rae")
    until_it_asks(plain)
    sign(home)
    reviewers.revoke(home.ledger, "Rae", at=AT + timedelta(seconds=1))
    assert plain(asking).decision.approved  # years after the code expired


def test_a_key_that_was_revoked_before_decides_nothing(plain: Turn, home: Home) -> None:
    add_reviewer(home, "Rae")
    until_it_asks(plain)
    sign(home)
    reviewers.revoke(home.ledger, "Rae", at=AT)
    until_it_asks(plain)
    assert [each.key for each in approvals.waiting(home.ledger, "run")] == ["approval-2"]


def test_unsigned_decisions_stand_when_the_home_is_single_user_no_more_and_only_those_from_then(
    plain: Turn, home: Home
) -> None:
    until_it_asks(plain)
    decide(home, "extend")
    set_single_user(home.ledger, False, at=AT + timedelta(seconds=1), by="tests")
    until_it_asks(plain)
    (again,) = approvals.waiting(home.ledger, "run")
    assert "Rae asked for more time" in again.markdown
    write_row(home, FORGED | {"proof": "single_user", "role": None, "decided_at": AT + timedelta(seconds=2)}, again.key)
    until_it_asks(plain)
    assert approvals.waiting(home.ledger, "run")[0].key == "approval-3"


def write_row(home: Home, values: dict[str, Any], key: str = "approval-1") -> None:
    """What somebody can do who writes into the ledger past Millrace."""
    with home.ledger.write() as connection:
        connection.execute(update(approvals_table).where(approvals_table.c.key == key).values(values))


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
def test_codes_are_checked_explained_and_asked_for_again_until_one_holds(prefect: Turn, home: Home) -> None:
    add_reviewer(home, "Rae")
    add_reviewer(home, "Vic", "viewer")
    used: list[str] = []

    def signed(name: str, form: str = "approve", signs: Any = "approve") -> dict[str, Any]:
        (asked,) = approvals.waiting(home.ledger, "run")
        used.append(approving.code_for(home, asked, signs, name, at=datetime.now(UTC)))
        return {"decision": form, "reviewer": "", "code": used[-1]}

    answers: list[Any] = [
        {},
        lambda: signed("Vic"),
        lambda: signed("Rae", "reject"),
        lambda: signed("Rae", "extend", "extend"),
        lambda: {"code": used[-1], "decision": "extend"},
        lambda: {"code": used[0]},
        lambda: signed("Rae"),
    ]
    with Reviewer(home, answers, single_user=False) as reviewer:
        decision = prefect(asking).decision
    assert (decision.reviewer, decision.role, decision.proof) == ("Rae", "compliance_officer", "signed")
    pages = [each.markdown.replace("\\", "") for each in reviewer.asked[1:]]  # as it is read
    expected = ["a code is needed", "Vic is viewer and may not approve_week", "the code says approve"]
    expected += ["Rae asked for more time", "the code was used already", "the code is Vic's"]
    assert all(text in page for text, page in zip(expected, pages, strict=True))
    reasons = [details.get("reasons") for action, _, details in audited(home) if action != "approval-asked"]
    assert reasons == [
        ["unsigned"],
        ["not_permitted"],
        ["other_decision"],
        None,
        ["used"],
        ["other_reviewer"],
        None,
    ]
    log = json.dumps(audited(home))
    assert not [code for code in used if code in log]


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
