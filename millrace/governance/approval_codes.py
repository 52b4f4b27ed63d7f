"""Codes that prove who decided: one line, signed, for one decision on one question about one pinned content.

``MR1.<what is said>.<signature>``, both in base64url without padding. What is said (reviewer, decision, expiry) is
canonical JSON; the signature covers that and the question, which is not in the code: a code is of no use elsewhere.
"""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ValidationError

from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError
from millrace.governance.roles import RoleTable
from millrace.ledger.reviewers import Reviewer, ReviewerName
from millrace.ports import Signer, Verifier
from millrace.records.base import Record
from millrace.records.governance import Permission, Role
from millrace.records.trace import UtcTime

FORMAT = "millrace-approval-1"  # inside what is signed: the key's other signatures are no codes
DEFAULT_VALIDITY = timedelta(hours=24)
LONGEST_VALIDITY = timedelta(days=30)
_CLOCKS_DIFFER = timedelta(minutes=5)  # where it is made and where it is checked
_PREFIX = "MR1"
_LONGEST_CODE = 1_000  # characters

SignedDecision = Literal["approve", "reject", "extend"]
Refusal = Literal[
    "malformed",
    "used",
    "unknown_reviewer",
    "revoked",
    "other_reviewer",
    "other_decision",
    "other_question",
    "expired",
    "valid_too_long",
    "not_permitted",
]


class CodeQuestion(Record):
    """What a code answers: which question of which run, about which pinned content."""

    run_id: str
    key: str
    pinned_hash: str


class CodeContent(Record):
    """What a code says; true only when its signature holds."""

    reviewer: ReviewerName
    decision: SignedDecision
    expires_at: UtcTime


class CodeVerdict(Record):
    """Whether a code counts. ``refusal`` is None when it does, and says why not otherwise, in words in ``message``."""

    refusal: Refusal | None
    message: str
    reviewer: ReviewerName | None = None
    role: Role | None = None

    @property
    def holds(self) -> bool:
        return self.refusal is None


class CodeRules(Record):
    """What a code must fit beside its signature; ``permission`` None asks for any role."""

    decision: str
    reviewer: str | None
    permission: Permission | None
    roles: RoleTable


def write_code(question: CodeQuestion, content: CodeContent, signer: Signer, *, at: datetime) -> str:
    """The code, some 210 characters: equal for equal content and key.

    Raises:
        BadInputError: it would expire at once, or later than 30 days from now.
    """
    if not timedelta(0) < content.expires_at - at <= LONGEST_VALIDITY:
        raise BadInputError(f"a code is valid for more than 0 hours and at most {LONGEST_VALIDITY.days} days")
    content = content.model_copy(update={"expires_at": content.expires_at.replace(microsecond=0)})
    said = _encoded(canonical_json(content))
    return f"{_PREFIX}.{said}.{_encoded(signer.sign(_signed(question, content)))}"


def check_code(
    text: str,
    question: CodeQuestion,
    rules: CodeRules,
    *,
    find: Callable[[str], tuple[Reviewer, Verifier] | None],
    used: bool,
    at: datetime,
) -> CodeVerdict:
    """Whether somebody who may decide signed this decision on this question.

    Args:
        text: as pasted; blanks around it do not count, any other difference does.
        find: a reviewer by name, revoked or not.
        used: whether another decision came with it.
        at: the time it is given.
    """
    read = _read(text.strip())
    if read is None:
        return _refused("malformed", "the code is not whole, or is none: paste the line that `millrace code` prints")
    content, signature = read
    if used:
        return _refused("used", "the code was used already: every decision needs a new one")
    found = find(content.reviewer)
    if found is None:
        return _refused("unknown_reviewer", f"{content.reviewer} is no reviewer of this home")
    reviewer, verifier = found
    refusal = _contradiction(content, rules) or _unsigned(question, content, signature, verifier)
    refusal = refusal or _out_of_time(content, reviewer, at) or _forbidden(reviewer, rules)
    return refusal or CodeVerdict(refusal=None, message="", reviewer=reviewer.name, role=reviewer.role)


def _contradiction(content: CodeContent, rules: CodeRules) -> CodeVerdict | None:
    if rules.reviewer is not None and rules.reviewer != content.reviewer:
        return _refused("other_reviewer", f"the code is {content.reviewer}'s: give that name as reviewer")
    if rules.decision != content.decision:
        return _refused("other_decision", f"the code says {content.decision}: its decision cannot be another")
    return None


def _unsigned(question: CodeQuestion, content: CodeContent, signature: bytes, verifier: Verifier) -> CodeVerdict | None:
    if verifier.verify(_signed(question, content), signature):
        return None
    return _refused(
        "other_question",
        f"the code was changed, or {content.reviewer} made it for another run, question or content, or with another "
        f"key: make one with `millrace code {question.run_id} --decision {content.decision}`",
    )


def _out_of_time(content: CodeContent, reviewer: Reviewer, at: datetime) -> CodeVerdict | None:
    if reviewer.revoked(at):
        return _refused("revoked", f"{reviewer.name}'s key is revoked")
    if at >= content.expires_at:
        return _refused("expired", f"the code expired at {content.expires_at.isoformat()}: make a new one")
    if content.expires_at - at > LONGEST_VALIDITY + _CLOCKS_DIFFER:
        return _refused(
            "valid_too_long", f"the code is valid for more than {LONGEST_VALIDITY.days} days: make a new one"
        )
    return None


def _forbidden(reviewer: Reviewer, rules: CodeRules) -> CodeVerdict | None:
    if rules.permission is None or rules.roles.allows(reviewer.role, rules.permission):
        return None
    holders = " or ".join(rules.roles.holders(rules.permission))
    return _refused(
        "not_permitted", f"{reviewer.name} is {reviewer.role} and may not {rules.permission}: ask a {holders}"
    )


def _refused(refusal: Refusal, message: str) -> CodeVerdict:
    return CodeVerdict(refusal=refusal, message=message)


def _signed(question: CodeQuestion, content: CodeContent) -> bytes:
    return canonical_json({"format": FORMAT} | question.model_dump() | content.model_dump(mode="json"))


def _read(text: str) -> tuple[CodeContent, bytes] | None:
    """None unless the text is exactly what :func:`write_code` makes of what it says."""
    parts = text.split(".")
    if len(text) > _LONGEST_CODE or len(parts) != 3 or parts[0] != _PREFIX:
        return None
    said, signature = _decoded(parts[1]), _decoded(parts[2])
    if said is None or signature is None:
        return None
    try:
        content = CodeContent.model_validate(json.loads(said))
        return (content, signature) if canonical_json(content) == said else None
    except (ValidationError, ValueError, RecursionError):
        return None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    """None for what no encoder writes: the decoder passes over foreign characters and bits left over."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return data if _encoded(data) == text else None
