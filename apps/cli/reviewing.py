"""What ``millrace reviewer`` does: keys on this machine, names in the ledger."""

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from apps.cli.reviewer_keys import signing_reviewer
from blocks.reviewer_key import has_reviewer_key, make_reviewer_key, open_reviewer_signer, read_public_key
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import approval_settings, reviewers
from millrace.ledger.reviewers import Reviewer, plain_name
from millrace.records.base import Record
from millrace.records.governance import Role
from millrace.records.trace import UtcTime
from tasks import reviewers as changes
from tasks.home import Home
from tasks.reviewers import Manager, SingleUser


class KnownReviewer(Record):
    """A reviewer as the list shows them."""

    name: str
    role: Role
    key_id: str
    key_here: bool
    added_by: str
    added_at: UtcTime
    revoked_at: UtcTime | None


class AddedReviewer(Record):
    """What was added, and where the private half lies; None where the public one was handed over."""

    name: str
    role: Role
    key_id: str
    private_key: str | None
    created: bool
    single_user: bool


def add_reviewer(home: Home, name: str, role: str, by: str | None, public_key: Path | None) -> AddedReviewer:
    """Add a reviewer with the key handed over, else with the key here, made where there is none.

    Raises:
        BadInputError: no such role, an unreadable key, or what ``tasks.reviewers.add_reviewer`` refuses.
    """
    known_role = _role(role)
    allows, at = _manager(home, by), datetime.now(UTC)
    changes.check_manager(home, allows, at)  # before a key is made that nobody would take
    if public_key is None:
        key = make_reviewer_key(home.root, name)
        pem, place, created = key.public_key, str(key.private_key), key.created
    else:
        pem, place, created = _read(public_key), None, False
    verifier = read_public_key(pem.encode(), str(public_key or place))
    added = changes.add_reviewer(home, name, known_role, verifier, verifier.pem.decode(), by=allows, at=at)
    return AddedReviewer(
        name=added.name,
        role=added.role,
        key_id=added.key_id,
        private_key=place,
        created=created,
        single_user=approval_settings.is_single_user(home.ledger),
    )


def revoke_reviewer(home: Home, name: str, by: str | None) -> Reviewer:
    """End what the reviewer's key counts for."""
    return changes.revoke_reviewer(home, plain_name(name), by=_manager(home, by), at=datetime.now(UTC))


def set_single_user(home: Home, setting: str, by: str | None) -> SingleUser:
    """Turn the setting on or off.

    Raises:
        BadInputError: neither on nor off, or nobody allows it who may.
    """
    if setting not in ("on", "off"):
        raise BadInputError(f"single-user is on or off, not {setting!r}")
    return changes.set_single_user(home, setting == "on", by=_manager(home, by), at=datetime.now(UTC))


def list_known(home: Home) -> tuple[list[KnownReviewer], bool]:
    """Every reviewer, and whether unsigned decisions are taken."""
    known = [
        KnownReviewer(**each.model_dump(exclude={"public_key"}), key_here=has_reviewer_key(home.root, each.name))
        for each in reviewers.list_reviewers(home.ledger)
    ]
    return known, approval_settings.is_single_user(home.ledger)


def added_lines(added: AddedReviewer) -> list[str]:
    """What was done, for a terminal."""
    said = [f"{added.name} is a reviewer as {added.role}, key {added.key_id[:16]}"]
    if added.private_key:
        made = "made; it" if added.created else "was here already and"
        said.append(f"the private key {made} lies at {added.private_key}: keep a copy where only its owner can read it")
    if added.single_user:
        said.append("unsigned decisions are still taken here: `millrace reviewer single-user off` ends that")
    return said


def _manager(home: Home, name: str | None) -> Manager | None:
    """Who allows a change of the reviewers, with their key; None while nobody has to.

    Raises:
        NotFoundError: no such reviewer, or their key is not here.
        BadInputError: nobody is named and more than one key is here, or the key cannot be used.
    """
    if not reviewers.list_reviewers(home.ledger):
        if name is not None:
            raise NotFoundError(f"this home has no reviewers yet, and so no {name}: leave out --by", name=name)
        return None
    reviewer = signing_reviewer(home, name)
    if reviewer is None:
        if name is not None:
            _say_why_not(home, name)
        return None
    return Manager(reviewer.name, open_reviewer_signer(home.root, reviewer))


def _say_why_not(home: Home, name: str) -> None:
    known = reviewers.find(home.ledger, plain_name(name))
    if known is None:
        raise NotFoundError(f"no reviewer {name!r}: `millrace reviewer list` names them", name=name)
    if known.revoked_at is not None:
        raise BadInputError(f"{known.name} is revoked", name=known.name)
    open_reviewer_signer(home.root, known)  # says why it cannot be used


def _role(text: str) -> Role:
    role: Role | None = next((each for each in get_args(Role) if each == text), None)
    if role is None:
        raise BadInputError(f"no role {text!r}; there are {', '.join(get_args(Role))}", role=text)
    return role


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"the public key {path} cannot be read: {error}", file=str(path)) from error
