"""Codes: what they prove, and that nothing else is taken for one."""

import base64
import json
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.adapters.ed25519 import Ed25519Signer, new_private_pem
from millrace.errors import BadInputError
from millrace.governance import approval_codes
from millrace.governance.approval_codes import (
    CodeContent,
    CodeQuestion,
    CodeRules,
    CodeVerdict,
    Refusal,
    SignedDecision,
    check_code,
    write_code,
)
from millrace.ledger.reviewers import Reviewer
from millrace.records.governance import Permission, Role
from millrace.records.trace import utc
from tasks.tables import role_table

AT = utc(2026, 11, 22, 9)
QUESTION = CodeQuestion(run_id="run-1", key="approval-1", pinned_hash="a" * 64)
SIGNER, OTHER = (Ed25519Signer.from_pem(new_private_pem(), "key") for _ in range(2))
ROLES = role_table()


def reviewer(name: str = "Ada Park", role: Role = "compliance_officer", **given: Any) -> Reviewer:
    values = {"name": name, "role": role, "public_key": "-", "key_id": SIGNER.key_id, "added_by": "x", "added_at": AT}
    return Reviewer.model_validate(values | given)


def code(
    question: CodeQuestion = QUESTION,
    decision: SignedDecision = "approve",
    name: str = "Ada Park",
    valid: timedelta = timedelta(hours=24),
    signer: Ed25519Signer = SIGNER,
) -> str:
    return write_code(question, CodeContent(reviewer=name, decision=decision, expires_at=AT + valid), signer, at=AT)


def check(
    text: str,
    question: CodeQuestion = QUESTION,
    decision: str = "approve",
    *,
    name: str | None = "Ada Park",
    known: Reviewer | None = None,
    permission: Permission | None = "approve_week",
    used: bool = False,
    later: timedelta = timedelta(hours=1),
) -> CodeVerdict:
    rules = CodeRules(decision=decision, reviewer=name, permission=permission, roles=ROLES)
    people = {each.name: each for each in [known or reviewer()]}

    def find(name: str) -> Any:
        return (people[name], SIGNER.verifier) if name in people else None

    return check_code(text, question, rules, find=find, used=used, at=AT + later)


CODE = code()


def test_a_code_proves_reviewer_and_role_and_fits_into_a_line() -> None:
    verdict = check(CODE)
    assert (verdict.refusal, verdict.reviewer, verdict.role) == (None, "Ada Park", "compliance_officer")
    assert verdict.holds
    assert len(CODE) <= 250
    assert code() == CODE
    assert set(CODE) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert len(code(name="N" * 48, decision="approve")) <= 280


def test_blanks_around_a_pasted_code_do_not_count() -> None:
    assert check(f" \n{CODE}\t ").holds


def test_nobody_has_to_be_named_beside_the_code() -> None:
    assert check(CODE, name=None).reviewer == "Ada Park"


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"question": QUESTION.model_copy(update={"run_id": "run-2"})}, "other_question"),
        ({"question": QUESTION.model_copy(update={"key": "approval-2"})}, "other_question"),
        ({"question": QUESTION.model_copy(update={"pinned_hash": "b" * 64})}, "other_question"),
        ({"decision": "reject"}, "other_decision"),
        ({"name": "Bob"}, "other_reviewer"),
        ({"known": reviewer("Bob")}, "unknown_reviewer"),
        ({"known": reviewer(revoked_at=AT + timedelta(hours=1))}, "revoked"),
        ({"known": reviewer(role="viewer")}, "not_permitted"),
        ({"permission": "manage_reviewers"}, "not_permitted"),
        ({"used": True}, "used"),
        ({"later": timedelta(hours=24)}, "expired"),
        ({"later": timedelta(days=400)}, "expired"),
        ({"later": -timedelta(days=30)}, "valid_too_long"),
    ],
)
def test_what_a_code_does_not_prove_is_refused_with_the_reason(changed: dict[str, Any], refusal: Refusal) -> None:
    verdict = check(CODE, **changed)
    assert verdict.refusal == refusal
    assert verdict.message
    assert (verdict.reviewer, verdict.role) == (None, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"known": reviewer(revoked_at=AT + timedelta(hours=2))},
        {"later": timedelta(hours=23, minutes=59, seconds=59)},
        {"later": -timedelta(minutes=4)},  # the clock of who signed is ahead
        {"permission": None, "known": reviewer(role="viewer")},
    ],
)
def test_what_comes_close_to_a_refusal_holds(changed: dict[str, Any]) -> None:
    assert check(CODE, **changed).holds


def test_a_code_of_another_key_under_a_reviewers_name_is_refused() -> None:
    assert check(code(signer=OTHER)).refusal == "other_question"


def test_another_signature_of_the_key_is_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval_codes, "FORMAT", "millrace-something-else-1")
    other = code()
    monkeypatch.undo()
    assert check(other).refusal == "other_question"


def test_the_role_decides_by_the_table() -> None:
    for role in get_args(Role):
        for permission in get_args(Permission):
            holds = check(CODE, known=reviewer(role=role), permission=permission).holds
            assert holds == (permission in ROLES.roles[role])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MR1",
        "MR1..",
        "MR1.e30.e30",
        "MR1.###.###",
        "MR1.\u00e9.\u00e9",
        CODE.lower(),
        CODE.replace("MR1", "MR2"),
        f"{CODE}=",
        f"{CODE}.",
        f"{CODE} {CODE}",
        CODE[:60] + "\n" + CODE[60:],
        "MR1." + "A" * 5_000 + ".AA",
        "[" * 900,
    ],
)
def test_what_is_no_code_is_malformed(text: str) -> None:
    assert check(text).refusal == "malformed"


@pytest.mark.parametrize(
    "said",
    [
        {"reviewer": "Ada Park", "decision": "approve"},
        {"reviewer": "Ada Park", "decision": "perhaps", "expires_at": "2026-11-23T09:00:00Z"},
        {"reviewer": "<b>Ada", "decision": "approve", "expires_at": "2026-11-23T09:00:00Z"},
        {"reviewer": "Ada Park", "decision": "approve", "expires_at": "2026-11-23T10:00:00+01:00"},
        {"reviewer": "Ada Park", "decision": "approve", "expires_at": "2026-11-23T09:00:00Z", "more": 1},
        ["Ada Park"],
    ],
)
def test_content_of_another_form_is_malformed_though_signed(said: Any) -> None:
    signed = SIGNER.sign(json.dumps(said).encode())
    parts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (json.dumps(said).encode(), signed)]
    assert check(".".join(["MR1", *parts])).refusal == "malformed"


@pytest.mark.parametrize("valid", [timedelta(0), -timedelta(hours=1), timedelta(days=30, seconds=1)])
def test_a_code_is_valid_for_some_time_and_30_days_at_most(valid: timedelta) -> None:
    with pytest.raises(BadInputError, match="at most 30 days"):
        code(valid=valid)


def test_thirty_days_are_allowed() -> None:
    assert check(code(valid=timedelta(days=30)), later=timedelta(0)).holds


_CHARACTERS = st.one_of(st.sampled_from(sorted(set(CODE))), st.characters())


@given(place=st.integers(0, len(CODE) - 1), character=_CHARACTERS)
def test_a_code_with_any_character_changed_is_refused(place: int, character: str) -> None:
    changed = CODE[:place] + character + CODE[place + 1 :]
    assert (changed == CODE) == check(changed).holds


@given(place=st.integers(1, len(CODE) - 1), character=_CHARACTERS)
def test_a_code_with_a_character_more_or_less_is_refused(place: int, character: str) -> None:
    assert not check(CODE[:place] + character + CODE[place:]).holds
    assert not check(CODE[:place] + CODE[place + 1 :]).holds


@given(st.text(max_size=400))
def test_any_text_at_all_is_judged(text: str) -> None:
    assert check(text).refusal == "malformed"
    assert check(f"MR1.{text}").refusal == "malformed"
