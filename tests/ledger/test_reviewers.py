"""Reviewers in the ledger, and the single-user setting with its history."""

from datetime import timedelta

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import approvals, reviewers
from millrace.ledger.approval_settings import is_single_user, set_single_user, was_single_user
from millrace.ledger.reviewers import Reviewer, reviewer_name
from millrace.ledger.store import Ledger
from millrace.records.trace import utc

AT = utc(2026, 11, 22)
LATER = AT + timedelta(hours=1)


def add(ledger: Ledger, name: str = "Ada Park", key_id: str = "a" * 64) -> Reviewer:
    return reviewers.add(ledger, name, "viewer", public_key="PEM", key_id=key_id, added_by="Bo", at=AT)


def test_a_reviewer_is_found_by_name_and_by_key(ledger: Ledger) -> None:
    ada, zoe = add(ledger), add(ledger, "Zo\u00eb", "b" * 64)
    assert reviewers.find(ledger, "Ada Park") == reviewers.find_by_key(ledger, "a" * 64) == ada
    assert reviewers.find(ledger, "ada park") is reviewers.find_by_key(ledger, "c" * 64) is None
    assert reviewers.list_reviewers(ledger) == [ada, zoe]


def test_a_name_and_a_key_are_given_once(ledger: Ledger) -> None:
    add(ledger)
    with pytest.raises(BadInputError, match="Ada Park is a reviewer already"):
        add(ledger, " Ada  Park ", "b" * 64)
    with pytest.raises(BadInputError, match="this key is Ada Park's"):
        add(ledger, "Bo")
    reviewers.revoke(ledger, "Ada Park", at=LATER)
    with pytest.raises(BadInputError, match="was a reviewer and is revoked"):
        add(ledger, key_id="b" * 64)


def test_a_revoked_reviewer_stays_known_with_the_first_time(ledger: Ledger) -> None:
    add(ledger)
    revoked = reviewers.revoke(ledger, "Ada Park", at=LATER)
    assert revoked.revoked_at == LATER
    assert reviewers.revoke(ledger, "Ada Park", at=LATER + timedelta(hours=1)) == revoked
    assert (revoked.revoked(AT), revoked.revoked(LATER)) == (False, True)
    assert reviewers.list_reviewers(ledger) == [revoked]
    assert reviewers.list_reviewers(ledger, active=True) == []
    with pytest.raises(NotFoundError, match="no reviewer 'Bo'"):
        reviewers.revoke(ledger, "Bo", at=AT)


@pytest.mark.parametrize(
    "name", ["Ada Park", "\u00d8ystein O'Neil-Berg", "\u674e\u96f7", "ada_p@example.org", "J. R. 2"]
)
def test_names_of_people_are_names(name: str) -> None:
    assert reviewer_name(f"  {name} ") == name


def test_a_name_has_one_form() -> None:
    assert reviewer_name("Zoe\u0308  Li") == "Zo\u00eb Li"


@pytest.mark.parametrize(
    "name", ["", " ", ".", "../Ada", "a/b", "a\\b", "-a", "<b>Ada</b>", "Ada\u202ePark", "Ada\x00", "`id`", "a" * 49]
)
def test_what_could_lead_elsewhere_or_look_like_somebody_else_is_no_name(name: str) -> None:
    with pytest.raises(BadInputError, match="no name for a reviewer"):
        reviewer_name(name)


def test_a_home_is_single_user_only_where_and_while_it_was_set(ledger: Ledger) -> None:
    assert not is_single_user(ledger)
    assert set_single_user(ledger, True, at=AT, by="Ada") is True
    assert set_single_user(ledger, True, at=LATER, by="Bo") is False
    assert is_single_user(ledger)
    assert set_single_user(ledger, False, at=LATER, by="Ada") is True
    assert not is_single_user(ledger)
    times = [AT - timedelta(seconds=1), AT, LATER - timedelta(seconds=1), LATER]
    assert [was_single_user(ledger, at) for at in times] == [False, True, True, False]


def test_a_code_is_kept_and_found_by_what_it_decided(ledger: Ledger) -> None:
    for key in ("approval-1", "approval-2"):
        approvals.ask(ledger, "r", key, None, "T", "M", "h", AT, permission="approve_week")
    assert approvals.decided_with(ledger, "MR1.x.y") is None
    decided = approvals.decide(
        ledger, "r", "approval-1", "extend", "Ada", "", "h", AT, proof="signed", role="viewer", code="MR1.x.y"
    ).approval
    assert approvals.decided_with(ledger, "MR1.x.y") == decided
    assert (decided.proof, decided.role, decided.code, decided.permission) == (
        "signed",
        "viewer",
        "MR1.x.y",
        "approve_week",
    )
    with pytest.raises(Exception, match="code_hash"):
        approvals.decide(ledger, "r", "approval-2", "approve", "Ada", "", "h", AT, code="MR1.x.y")
