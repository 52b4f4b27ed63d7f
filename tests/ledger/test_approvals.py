from datetime import UTC, datetime, timedelta

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.approvals import Approval, Verdict, approvals_of, ask, decide, decision_of, waiting
from millrace.ledger.schema import ApprovalDecision
from millrace.ledger.store import Ledger

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)


def asked(
    ledger: Ledger, run_id: str = "r1", prefect: str | None = "p1", pinned: str = "h1", at: datetime = T0
) -> Approval:
    return ask(ledger, run_id, "publish", prefect, "Publish 1.0.0?", "# 12 rows", pinned, at)


def decided(ledger: Ledger, decision: ApprovalDecision, reviewer: str, pinned: str = "h1") -> Verdict:
    return decide(ledger, "r1", "publish", decision, reviewer, "seen", pinned, LATER)


def test_what_is_asked_waits_until_it_is_decided(ledger: Ledger) -> None:
    approval = asked(ledger)
    assert waiting(ledger) == waiting(ledger, "r1") == [approval]
    assert waiting(ledger, "r2") == []
    assert decision_of(ledger, "r1", "publish") is None
    verdict = decided(ledger, "approve", "ada")
    assert not verdict.overruled
    assert waiting(ledger) == []
    stands = decision_of(ledger, "r1", "publish")
    assert stands == verdict.approval
    assert (stands.decision, stands.reviewer, stands.note, stands.decided_at) == ("approve", "ada", "seen", LATER)


def test_asking_again_keeps_the_question_and_takes_the_prefect_run_that_waits_now(ledger: Ledger) -> None:
    asked(ledger)
    again = ask(ledger, "r1", "publish", "p2", "other title", "other text", "h1", LATER)
    assert (again.title, again.asked_at, again.prefect_run_id) == ("Publish 1.0.0?", T0, "p2")
    assert asked(ledger, prefect=None).prefect_run_id == "p2"


def test_a_question_is_about_one_pinned_hash(ledger: Ledger) -> None:
    asked(ledger)
    with pytest.raises(BadInputError, match="asks about h1, not about h2"):
        asked(ledger, pinned="h2", prefect="p9")
    with pytest.raises(BadInputError, match="asks about h1, not about h2"):
        decided(ledger, "approve", "ada", pinned="h2")
    assert [approval.prefect_run_id for approval in waiting(ledger)] == ["p1"]


def test_the_first_decision_stands_and_a_later_different_one_is_told(ledger: Ledger) -> None:
    asked(ledger)
    first = decided(ledger, "reject", "ada")
    assert decided(ledger, "reject", "ada") == first
    late = decided(ledger, "approve", "bob")
    assert late.overruled
    assert late.approval == first.approval
    assert late.approval.reviewer == "ada"


def test_only_decisions_about_what_was_asked_are_taken(ledger: Ledger) -> None:
    asked(ledger)
    with pytest.raises(BadInputError, match="not a decision: 'maybe'; use one of approve, reject"):
        decided(ledger, "maybe", "ada")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="asked for no approval 'other'"):
        decide(ledger, "r1", "other", "approve", "ada", "", "h1", LATER)
    with pytest.raises(NotFoundError):
        decision_of(ledger, "r9", "publish")


def test_an_extension_closes_one_asking_and_the_next_waits(ledger: Ledger) -> None:
    asked(ledger)
    decided(ledger, "extend", "ada")
    again = ask(ledger, "r1", "publish-2", "p1", "Publish 1.0.0?", "# 14 rows", "h2", LATER)
    assert waiting(ledger, "r1") == [again]
    assert [approval.decision for approval in approvals_of(ledger, "r1")] == ["extend", None]
    assert approvals_of(ledger, "r2") == []


def test_the_longest_waiting_comes_first(ledger: Ledger) -> None:
    asked(ledger, "r1", at=LATER)
    asked(ledger, "r3", at=T0)
    asked(ledger, "r2", at=T0)
    assert [approval.run_id for approval in waiting(ledger)] == ["r2", "r3", "r1"]
