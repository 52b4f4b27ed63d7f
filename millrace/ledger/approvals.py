"""Approvals: what was asked of a person, about which pinned hash, and what was decided first.

``extend`` and ``invalid`` (an answer that could not be used) close one asking; the run asks again under the next key.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, get_args

from pydantic import Field
from sqlalchemy import Connection, Row, select, update

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.schema import ApprovalDecision, approvals
from millrace.ledger.store import Ledger, insert_new
from millrace.records.base import Identifier, Record
from millrace.records.governance import Permission, Proof, Role
from millrace.records.trace import UtcTime


class Approval(Record):
    """A question to a reviewer and, once given, the decision.

    The reviewer's name is proven where ``proof`` is ``signed``, and as claimed otherwise.
    """

    run_id: Identifier
    key: Identifier
    prefect_run_id: str | None
    title: str
    markdown: str
    pinned_hash: str
    asked_at: UtcTime
    decision: ApprovalDecision | None
    reviewer: str | None
    note: str | None
    decided_at: UtcTime | None
    proof: Proof | None = Field(None, description="What shows who decided; None before version 5, and for no answer")
    role: Role | None = Field(None, description="The reviewer's role when they decided, where it is proven")
    code_hash: str | None = Field(None, description="sha256 of the code that the decision came with; taken once")
    code: str | None = Field(None, description="The code itself, of no use any more, so that it can be checked again")
    permission: Permission | None = Field(None, description="What the reviewer's role must hold; None before version 5")


class Verdict(Record):
    """The decision that stands; ``overruled`` when this call wanted another and came too late."""

    approval: Approval
    overruled: bool


def ask(
    ledger: Ledger,
    run_id: str,
    key: str,
    prefect_run_id: str | None,
    title: str,
    markdown: str,
    pinned_hash: str,
    at: datetime,
    permission: Permission | None = None,
) -> Approval:
    """Ask, unless it is asked already; then only the Prefect run that waits and the permission are brought up to date.

    Raises:
        BadInputError: it was asked about another pinned hash.
    """
    row: dict[str, Any] = {"run_id": run_id, "key": key, "title": title, "markdown": markdown}
    row |= {"pinned_hash": pinned_hash, "asked_at": at}
    with ledger.write() as connection:
        insert_new(connection, approvals, [row])
        _check_hash(_asked(connection, run_id, key), pinned_hash)
        known = {"prefect_run_id": prefect_run_id, "permission": permission}
        current = {name: value for name, value in known.items() if value is not None}
        if current:
            connection.execute(update(approvals).where(_is(run_id, key)).values(current))
        return _asked(connection, run_id, key)


def decide(
    ledger: Ledger,
    run_id: str,
    key: str,
    decision: ApprovalDecision,
    reviewer: str,
    note: str,
    pinned_hash: str,
    at: datetime,
    *,
    proof: Proof | None = None,
    role: Role | None = None,
    code: str | None = None,
) -> Verdict:
    """Decide, unless it is decided already: the first decision stands and is returned.

    Args:
        proof, role: what shows who decided, and as what; judged by the caller.
        code: kept with its hash, which no other decision can have.

    Raises:
        NotFoundError: nothing was asked under that key.
        BadInputError: not a decision, or one about another pinned hash than was asked.
    """
    if decision not in get_args(ApprovalDecision):
        raise BadInputError(f"not a decision: {decision!r}; use one of {', '.join(get_args(ApprovalDecision))}")
    decided: dict[str, Any] = {
        "decision": decision,
        "reviewer": reviewer,
        "note": note,
        "decided_at": at,
        "proof": proof,
    }
    decided |= {"role": role, "code": code, "code_hash": None if code is None else code_hash(code)}
    with ledger.write() as connection:
        _check_hash(_asked(connection, run_id, key), pinned_hash)
        undecided = _is(run_id, key) & approvals.c.decision.is_(None)
        connection.execute(update(approvals).where(undecided).values(decided))
        approval = _asked(connection, run_id, key)
    return Verdict(approval=approval, overruled=approval.decision != decision)


def code_hash(code: str) -> str:
    """What tells that a code was used."""
    return sha256(code.encode()).hexdigest()


def decided_with(ledger: Ledger, code: str) -> Approval | None:
    """The decision that this code was used for; None for a code that was not used."""
    with ledger.read() as connection:
        row = connection.execute(select(approvals).where(approvals.c.code_hash == code_hash(code))).one_or_none()
    return None if row is None else _approval(row)


def waiting(ledger: Ledger, run_id: str | None = None) -> list[Approval]:
    """What nobody has decided yet, of one run or of all, the longest waiting first."""
    query = select(approvals).where(approvals.c.decision.is_(None))
    if run_id is not None:
        query = query.where(approvals.c.run_id == run_id)
    with ledger.read() as connection:
        asked = [_approval(row) for row in connection.execute(query)]
    return sorted(asked, key=lambda approval: (approval.asked_at, approval.run_id, approval.key))


def decision_of(ledger: Ledger, run_id: str, key: str) -> Approval | None:
    """The approval once it is decided; None before.

    Raises:
        NotFoundError: nothing was asked under that key.
    """
    with ledger.read() as connection:
        approval = _asked(connection, run_id, key)
    return None if approval.decision is None else approval


def approvals_of(ledger: Ledger, run_id: str) -> list[Approval]:
    """Everything this run asked, decided or not, in the order of asking."""
    with ledger.read() as connection:
        asked = [_approval(row) for row in connection.execute(select(approvals).where(approvals.c.run_id == run_id))]
    return sorted(asked, key=lambda approval: (approval.asked_at, approval.key))


def _is(run_id: str, key: str) -> Any:
    return (approvals.c.run_id == run_id) & (approvals.c.key == key)


def _asked(connection: Connection, run_id: str, key: str) -> Approval:
    row = connection.execute(select(approvals).where(_is(run_id, key))).one_or_none()
    if row is None:
        raise NotFoundError(f"run {run_id} asked for no approval {key!r}", run_id=run_id, key=key)
    return _approval(row)


def _check_hash(approval: Approval, pinned_hash: str) -> None:
    if approval.pinned_hash != pinned_hash:
        raise BadInputError(
            f"run {approval.run_id} asks about {approval.pinned_hash}, not about {pinned_hash}: look at it again",
            asked=approval.pinned_hash,
            given=pinned_hash,
        )


def _approval(row: Row[Any]) -> Approval:
    return Approval.model_validate(dict(row._mapping))
