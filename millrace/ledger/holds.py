"""Legal holds: what must not be deleted, whatever retention or an erasure says. None is ever removed, only released."""

from datetime import datetime
from typing import Any, get_args

from pydantic import Field
from sqlalchemy import Row, select, update

from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.schema import HoldSubject, legal_holds
from millrace.ledger.store import Ledger, insert_new
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime

_ID_DIGITS = 12


class Hold(Record):
    """One hold; it is in force until ``released_at``."""

    hold_id: Identifier
    held_type: HoldSubject
    held: Identifier = Field(description="A content hash, a run id, or the keyed hash of a user or tenant")
    reason: str
    placed_by: Identifier
    placed_at: UtcTime
    released_by: Identifier | None
    released_at: UtcTime | None


def place(ledger: Ledger, held_type: HoldSubject, held: str, *, reason: str, by: str, at: datetime) -> Hold:
    """Place a hold; the same hold by the same person at the same moment is placed once.

    Args:
        held: a user or a tenant only as keyed hash (``subjects.keyed_hash``).

    Raises:
        BadInputError: an empty reason or name, or no such type.
    """
    if held_type not in get_args(HoldSubject):
        raise BadInputError(f"a hold is on one of {', '.join(get_args(HoldSubject))}, not on {held_type!r}")
    for name, value in (("reason", reason), ("by", by), ("held", held)):
        if not value.strip():
            raise BadInputError(f"{name}: a hold needs one that is not empty", field=name)
    row = {"held_type": held_type, "held": held, "reason": reason, "placed_by": by, "placed_at": at}
    hold_id = sha256_json([held_type, held, reason, by, at.isoformat()])[:_ID_DIGITS]
    with ledger.write() as connection:
        insert_new(connection, legal_holds, [row | {"hold_id": hold_id}])
        return hold_of(ledger, hold_id)


def release(ledger: Ledger, hold_id: str, *, by: str, at: datetime) -> Hold:
    """End a hold; the row stays.

    Raises:
        NotFoundError: no such hold.
        BadInputError: it was released before, or ``by`` is empty.
    """
    if not by.strip():
        raise BadInputError("by: say who releases the hold", field="by")
    with ledger.write() as connection:
        before = hold_of(ledger, hold_id)
        if before.released_at is not None:
            raise BadInputError(f"{before.released_by} released hold {hold_id} before", hold_id=hold_id)
        known = legal_holds.c.hold_id == hold_id
        connection.execute(update(legal_holds).where(known).values(released_by=by, released_at=at))
        return hold_of(ledger, hold_id)


def hold_of(ledger: Ledger, hold_id: str) -> Hold:
    """The hold of that id, in force or not.

    Raises:
        NotFoundError: no such hold.
    """
    with ledger.read() as connection:
        row = connection.execute(select(legal_holds).where(legal_holds.c.hold_id == hold_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"no hold {hold_id!r} in this home; `millrace hold list` lists them", hold_id=hold_id)
    return _hold(row)


def active(ledger: Ledger, held_type: HoldSubject | None = None, held: str | None = None) -> list[Hold]:
    """The holds in force, the first placed first: all, those of a type, or those on one thing."""
    return [
        each
        for each in all_holds(ledger)
        if each.released_at is None and held_type in (None, each.held_type) and held in (None, each.held)
    ]


def all_holds(ledger: Ledger) -> list[Hold]:
    """Every hold there ever was, the first placed first."""
    query = select(legal_holds).order_by(legal_holds.c.placed_at, legal_holds.c.hold_id)
    with ledger.read() as connection:
        return [_hold(row) for row in connection.execute(query)]


def _hold(row: Row[Any]) -> Hold:
    return Hold.model_validate(dict(row._mapping))
