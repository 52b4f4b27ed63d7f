"""Who reviews: adding, revoking and the single-user setting, each allowed by a signature and told to the audit log."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from blocks.reviewer_key import open_reviewer_verifier
from millrace.datasets.canonical import canonical_json
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import approval_settings, audit_log, reviewers
from millrace.ledger.reviewers import Reviewer
from millrace.ports import Signer, Verifier
from millrace.records.base import Record
from millrace.records.governance import AuditAction, Permission, Role
from tasks.audit_log import move_witness
from tasks.home import Home
from tasks.processes import process_name
from tasks.tables import role_table

FORMAT = "millrace-reviewers-1"  # inside what is signed: no other signature of the key will do
_NEEDED: Permission = "manage_reviewers"


class Manager:
    """Who allows a change: a reviewer's name and their key, which proves that it is them."""

    def __init__(self, name: str, signer: Signer) -> None:
        self.name, self.signer = name, signer


class SingleUser(Record):
    """How the setting stands; ``changed`` says whether this call moved it."""

    single_user: bool
    changed: bool


def add_reviewer(
    home: Home, name: str, role: Role, public_key: Verifier, pem: str, *, by: Manager | None, at: datetime
) -> Reviewer:
    """Add a reviewer. The first of a home needs nobody's leave, and a role that can add the others.

    Args:
        pem: the public key as a file.

    Raises:
        BadInputError: nobody allows it who may, the name cannot be used, or name or key is somebody's.
    """
    with home.ledger.write():
        if not reviewers.list_reviewers(home.ledger) and not role_table().allows(role, _NEEDED):
            holders = " or ".join(role_table().holders(_NEEDED))
            raise BadInputError(f"the first reviewer adds the others and must be {holders}, not {role}", role=role)
        change = {"name": reviewers.reviewer_name(name), "role": role, "key_id": public_key.key_id}
        actor, signature = _allowed(home, "reviewer-added", change, by, at)
        added = reviewers.add(home.ledger, name, role, public_key=pem, key_id=public_key.key_id, added_by=actor, at=at)
        _tell(home, "reviewer-added", actor, added.name, change | signature, at)
    move_witness(home)
    return added


def revoke_reviewer(home: Home, name: str, *, by: Manager | None, at: datetime) -> Reviewer:
    """End what a reviewer's key counts for; once more changes nothing.

    Raises:
        NotFoundError: no such reviewer.
        BadInputError: nobody allows it who may, or nobody would be left who may add reviewers.
    """
    with home.ledger.write():
        known = reviewers.find(home.ledger, name)
        if known is None:
            raise NotFoundError(f"no reviewer {name!r}: `millrace reviewer list` names them", name=name)
        if known.revoked_at is not None:
            return known
        if _managers(home) == [known.name]:
            raise BadInputError(f"{known.name} is the last who may {_NEEDED}: add another first", name=known.name)
        change = {"name": known.name, "key_id": known.key_id}
        actor, signature = _allowed(home, "reviewer-revoked", change, by, at)
        revoked = reviewers.revoke(home.ledger, known.name, at=at)
        _tell(home, "reviewer-revoked", actor, known.name, change | signature, at)
    move_witness(home)
    return revoked


def set_single_user(home: Home, on: bool, *, by: Manager | None, at: datetime) -> SingleUser:
    """Whether decisions that nobody signed are taken. Turning it on needs leave where there are reviewers; off never.

    Raises:
        BadInputError: nobody allows it who may.
    """
    with home.ledger.write():
        if approval_settings.is_single_user(home.ledger) == on:
            return SingleUser(single_user=on, changed=False)
        change = {"single_user": on}
        if on or by is not None:
            actor, signature = _allowed(home, "single-user-set", change, by, at)
        else:
            actor, signature = process_name(), {}
        approval_settings.set_single_user(home.ledger, on, at=at, by=actor)
        _tell(home, "single-user-set", actor, approval_settings.APPROVAL_SETTINGS, change | signature, at)
    move_witness(home)
    return SingleUser(single_user=on, changed=True)


def check_manager(home: Home, by: Manager | None, at: datetime) -> Reviewer | None:
    """Whose leave a change would have; None while there are no reviewers, where nobody's is needed.

    Raises:
        BadInputError: nobody is named, or somebody who may not.
    """
    if not reviewers.list_reviewers(home.ledger):
        return None
    if by is None:
        raise BadInputError(
            f"this home has reviewers: name one with --by who may {_NEEDED} ({', '.join(_managers(home))}) and whose "
            "key is here"
        )
    manager = reviewers.find(home.ledger, by.name)
    if manager is None or manager.revoked(at) or not role_table().allows(manager.role, _NEEDED):
        raise BadInputError(f"{by.name} may not {_NEEDED}; {', '.join(_managers(home))} may", name=by.name)
    return manager


def _allowed(
    home: Home, action: AuditAction, change: Mapping[str, Any], by: Manager | None, at: datetime
) -> tuple[str, dict[str, str]]:
    """Who did it, and their signature for the log; a process without one while there are no reviewers."""
    manager = check_manager(home, by, at)
    if manager is None or by is None:
        return process_name(), {}
    statement = canonical_json({"format": FORMAT, "action": action, "at": at.isoformat(), "by": by.name} | dict(change))
    signature = by.signer.sign(statement)
    if not open_reviewer_verifier(manager).verify(statement, signature):
        raise BadInputError(f"the key given for {by.name} is not the one that this home knows", name=by.name)
    return by.name, {"signature": base64.b64encode(signature).decode()}


def _managers(home: Home) -> list[str]:
    active, table = reviewers.list_reviewers(home.ledger, active=True), role_table()
    return [each.name for each in active if table.allows(each.role, _NEEDED)]


def _tell(home: Home, action: AuditAction, actor: str, subject: str, details: Mapping[str, Any], at: datetime) -> None:
    audit_log.append(home.ledger, action, actor=actor, subject=subject, details=details, at=at)
