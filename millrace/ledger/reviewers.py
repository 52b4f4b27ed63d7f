"""Reviewers: whose key counts, in which role; a name and a key are given once and never again to somebody else."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator
from sqlalchemy import Row, select, update

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.schema import reviewers
from millrace.ledger.store import Ledger
from millrace.records.base import Record, Sha256
from millrace.records.governance import Role
from millrace.records.trace import UtcTime

LONGEST_NAME = 48  # characters; the name is in every code and names the key's file
_MARKS = " .'-_@\N{RIGHT SINGLE QUOTATION MARK}"


def reviewer_name(text: str) -> str:
    """The name as it is stored: composed characters (NFC), single spaces.

    Raises:
        BadInputError: empty, longer than 48 characters, or with anything but letters, digits, spaces and . ' - _ @.
    """
    name = plain_name(text)
    allowed = all(each in _MARKS or unicodedata.category(each)[0] in "LMN" for each in name)
    if not (name and name[0].isalnum() and allowed and len(name) <= LONGEST_NAME):
        raise BadInputError(
            f"{text[:80]!r} is no name for a reviewer: begin with a letter or digit, then letters, digits, spaces and "
            f". ' - _ @, at most {LONGEST_NAME} characters",
            name=text[:80],
        )
    return name


def plain_name(text: str) -> str:
    """Composed characters and single spaces, so that equal names are equal text; anything else as it is."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _as_stored(text: str) -> str:
    try:
        same = reviewer_name(text) == text
    except BadInputError:
        same = False
    if not same:
        raise ValueError("not a reviewer's name as it is stored")
    return text


ReviewerName = Annotated[str, AfterValidator(_as_stored)]


class Reviewer(Record):
    """A person who decides, and the public half of their key."""

    name: ReviewerName
    role: Role
    public_key: str
    key_id: Sha256
    added_by: str
    added_at: UtcTime
    revoked_at: UtcTime | None = None

    def revoked(self, at: datetime) -> bool:
        """Whether the key no longer counted at that time."""
        return self.revoked_at is not None and self.revoked_at <= at


def add(
    ledger: Ledger, name: str, role: Role, *, public_key: str, key_id: str, added_by: str, at: datetime
) -> Reviewer:
    """Add a reviewer.

    Args:
        public_key: in PEM.
        key_id: sha256 of the key's SubjectPublicKeyInfo.

    Raises:
        BadInputError: no name for a reviewer, or the name or the key is or was somebody's.
    """
    reviewer = Reviewer(
        name=reviewer_name(name), role=role, public_key=public_key, key_id=key_id, added_by=added_by, added_at=at
    )
    with ledger.write() as connection:
        same, owner = find(ledger, reviewer.name), find_by_key(ledger, key_id)
        if same is not None:
            was = "was a reviewer and is revoked" if same.revoked_at else "is a reviewer already"
            raise BadInputError(f"{reviewer.name} {was}: choose another name", name=reviewer.name)
        if owner is not None:
            raise BadInputError(f"this key is {owner.name}'s: a reviewer needs a key of their own", name=owner.name)
        connection.execute(reviewers.insert(), reviewer.model_dump())
    return reviewer


def revoke(ledger: Ledger, name: str, *, at: datetime) -> Reviewer:
    """What the key signed before stays; nothing that comes from now on counts. A second time changes nothing.

    Raises:
        NotFoundError: no such reviewer.
    """
    with ledger.write() as connection:
        active = (reviewers.c.name == name) & reviewers.c.revoked_at.is_(None)
        connection.execute(update(reviewers).where(active).values(revoked_at=at))
        found = find(ledger, name)
    if found is None:
        raise NotFoundError(f"no reviewer {name!r}: `millrace reviewer list` names them", name=name)
    return found


def find(ledger: Ledger, name: str) -> Reviewer | None:
    """The reviewer of that name, revoked or not."""
    return _one(ledger, reviewers.c.name == name)


def find_by_key(ledger: Ledger, key_id: str) -> Reviewer | None:
    """Whose key it is, or was."""
    return _one(ledger, reviewers.c.key_id == key_id)


def list_reviewers(ledger: Ledger, *, active: bool = False) -> list[Reviewer]:
    """Every reviewer by name; with ``active`` those who are not revoked."""
    query = select(reviewers).order_by(reviewers.c.name)
    if active:
        query = query.where(reviewers.c.revoked_at.is_(None))
    with ledger.read() as connection:
        return [_reviewer(row) for row in connection.execute(query)]


def _one(ledger: Ledger, condition: Any) -> Reviewer | None:
    with ledger.read() as connection:
        row = connection.execute(select(reviewers).where(condition)).one_or_none()
    return None if row is None else _reviewer(row)


def _reviewer(row: Row[Any]) -> Reviewer:
    return Reviewer.model_validate(dict(row._mapping))
