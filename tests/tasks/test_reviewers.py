"""Changes of who reviews: allowed by a signature that is checked, and told to the audit log."""

import base64
from pathlib import Path
from typing import Any

import pytest

from blocks.reviewer_key import make_reviewer_key, open_reviewer_signer, open_reviewer_verifier, read_public_key
from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import audit_log, reviewers
from millrace.ledger.approval_settings import is_single_user
from millrace.ledger.reviewers import Reviewer
from millrace.records.governance import AuditEntry, Role
from millrace.records.trace import utc
from tasks.audit_log import witness_of
from tasks.home import Home
from tasks.processes import process_name
from tasks.reviewers import Manager, add_reviewer, revoke_reviewer, set_single_user

AT = utc(2026, 11, 22)


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_REVIEWER_KEYS", str(tmp_path / "keys"))


def add(home: Home, name: str, role: Role = "security_admin", by: Manager | None = None) -> Reviewer:
    key = make_reviewer_key(home.root, name)
    verifier = read_public_key(key.public_key.encode(), name)
    return add_reviewer(home, name, role, verifier, key.public_key, by=by, at=AT)


def manager(home: Home, name: str) -> Manager:
    reviewer = reviewers.find(home.ledger, name)
    assert reviewer is not None
    return Manager(name, open_reviewer_signer(home.root, reviewer))


def entries(home: Home) -> list[AuditEntry]:
    return list(audit_log.entries(home.ledger))


def test_the_first_reviewer_needs_nobody_and_can_add_the_others(home: Home) -> None:
    with pytest.raises(BadInputError, match="first reviewer adds the others and must be security_admin"):
        add(home, "Ada", "compliance_officer")
    assert reviewers.list_reviewers(home.ledger) == []
    ada = add(home, "Ada")
    bo = add(home, "Bo", "viewer", manager(home, "Ada"))
    assert (ada.added_by, bo.added_by) == (process_name(), "Ada")
    assert [(each.action, each.actor, each.subject) for each in entries(home)] == [
        ("reviewer-added", process_name(), "Ada"),
        ("reviewer-added", "Ada", "Bo"),
    ]
    assert witness_of(home) == audit_log.head(home.ledger)


def test_the_log_holds_the_signature_that_allowed_it(home: Home) -> None:
    ada = add(home, "Ada")
    bo = add(home, "Bo", "viewer", manager(home, "Ada"))
    details = entries(home)[-1].details
    statement = {"format": "millrace-reviewers-1", "action": "reviewer-added", "at": AT.isoformat(), "by": "Ada"}
    statement |= {"name": "Bo", "role": "viewer", "key_id": bo.key_id}
    signature = base64.b64decode(details["signature"])
    assert open_reviewer_verifier(ada).verify(canonical_json(statement), signature)


def refused(home: Home, by: Manager | None, message: str) -> None:
    """None of the changes is made, and none is logged."""
    before = (entries(home), reviewers.list_reviewers(home.ledger))
    changes: list[Any] = [
        lambda: add(home, "Eve", "security_admin", by),
        lambda: revoke_reviewer(home, "Bo", by=by, at=AT),
        lambda: set_single_user(home, True, by=by, at=AT),
    ]
    for change in changes:
        with pytest.raises(BadInputError, match=message):
            change()
    assert (entries(home), reviewers.list_reviewers(home.ledger)) == before
    assert not is_single_user(home.ledger)


def test_who_may_not_manage_reviewers_changes_nothing(home: Home) -> None:
    add(home, "Ada")
    add(home, "Bo", "compliance_officer", manager(home, "Ada"))
    add(home, "Cy", "security_admin", manager(home, "Ada"))
    revoked = manager(home, "Cy")
    revoke_reviewer(home, "Cy", by=manager(home, "Ada"), at=AT)
    refused(home, None, "name one with --by who may manage_reviewers .Ada.")
    refused(home, manager(home, "Bo"), "Bo may not manage_reviewers; Ada may")
    refused(home, revoked, "Cy may not manage_reviewers")
    refused(home, Manager("Nobody", revoked.signer), "Nobody may not")
    refused(home, Manager("Ada", revoked.signer), "the key given for Ada is not the one")


def test_a_reviewer_is_revoked_once_and_the_last_manager_never(home: Home) -> None:
    add(home, "Ada")
    add(home, "Bo", "viewer", manager(home, "Ada"))
    first = revoke_reviewer(home, "Bo", by=manager(home, "Ada"), at=AT)
    assert revoke_reviewer(home, "Bo", by=None, at=utc(2026, 12, 1)) == first
    assert [each.action for each in entries(home)] == ["reviewer-added", "reviewer-added", "reviewer-revoked"]
    with pytest.raises(BadInputError, match="Ada is the last who may manage_reviewers"):
        revoke_reviewer(home, "Ada", by=manager(home, "Ada"), at=AT)
    with pytest.raises(NotFoundError, match="no reviewer 'Cy'"):
        revoke_reviewer(home, "Cy", by=None, at=AT)


def test_the_single_user_setting_is_free_where_nobody_reviews_and_off_is_always(home: Home) -> None:
    assert set_single_user(home, True, by=None, at=AT).changed
    assert not set_single_user(home, True, by=None, at=AT).changed
    add(home, "Ada")
    assert set_single_user(home, False, by=None, at=AT).changed
    assert set_single_user(home, True, by=manager(home, "Ada"), at=AT).changed
    assert is_single_user(home.ledger)
    settings = [(each.actor, each.details["single_user"]) for each in entries(home) if each.action == "single-user-set"]
    assert settings == [(process_name(), True), (process_name(), False), ("Ada", True)]
