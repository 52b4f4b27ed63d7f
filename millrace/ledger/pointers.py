"""Pointers: which version is the active one. Every value a pointer ever had is kept."""

from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Row, Select, func, select

from millrace.errors import BadInputError
from millrace.ledger.schema import Json, pointer_history
from millrace.ledger.store import Ledger
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime


class Pointer(Record):
    """A value a pointer has or had."""

    sequence: int
    name: Identifier
    value: Json
    run_id: Identifier
    at: UtcTime


class Expected(Enum):
    """What :func:`set_pointer` may expect beside a value."""

    ABSENT = "absent"


ABSENT = Expected.ABSENT


def set_pointer(
    ledger: Ledger, name: str, value: Json, at: datetime, run_id: str, expected: Json | Expected = None
) -> Pointer:
    """Point to a value; a run that sets what it has set already changes nothing.

    Args:
        value: not None.
        expected: the value it must have now, or ``ABSENT`` when it must not exist yet; None sets it anyway.
            Of two publishers that expect the same, one wins.

    Raises:
        BadInputError: the pointer has another value than expected, or the value is None.
    """
    if value is None:
        raise BadInputError(f"pointer {name} cannot point to nothing")
    with ledger.write() as connection:
        now = pointer(ledger, name)
        if now is not None and now.run_id == run_id and now.value == value:
            return now
        if expected is not None:
            _check_expected(name, now, expected)
        connection.execute(pointer_history.insert(), {"name": name, "value": value, "run_id": run_id, "at": at})
        return _pointer(connection.execute(_latest(name)).one())


def pointer(ledger: Ledger, name: str) -> Pointer | None:
    """Where the pointer points; None when it was never set."""
    with ledger.read() as connection:
        row = connection.execute(_latest(name)).one_or_none()
    return None if row is None else _pointer(row)


def pointers_under(ledger: Ledger, prefix: str) -> list[Pointer]:
    """Where every pointer whose name begins so points, by name."""
    latest = select(func.max(pointer_history.c.sequence)).group_by(pointer_history.c.name)
    query = select(pointer_history).where(
        pointer_history.c.sequence.in_(latest), pointer_history.c.name.startswith(prefix, autoescape=True)
    )
    with ledger.read() as connection:
        return [_pointer(row) for row in connection.execute(query.order_by(pointer_history.c.name))]


def pointer_history_of(ledger: Ledger, name: str) -> list[Pointer]:
    """Every value the pointer had, the first first; empty when it was never set."""
    query = select(pointer_history).where(pointer_history.c.name == name).order_by(pointer_history.c.sequence)
    with ledger.read() as connection:
        return [_pointer(row) for row in connection.execute(query)]


def _latest(name: str) -> Select[Any]:
    query = select(pointer_history).where(pointer_history.c.name == name)
    return query.order_by(pointer_history.c.sequence.desc()).limit(1)


def _check_expected(name: str, now: Pointer | None, expected: Json | Expected) -> None:
    if now is None:
        if expected is ABSENT:
            return
        raise BadInputError(f"pointer {name} was to be {expected} but does not exist", name=name, expected=expected)
    if expected is ABSENT or now.value != expected:
        wanted = "not to exist yet" if expected is ABSENT else f"to be {expected}"
        raise BadInputError(
            f"pointer {name} was {wanted} but is {now.value}, set by run {now.run_id} at {now.at.isoformat()}",
            name=name,
            found=now.value,
        )


def _pointer(row: Row[Any]) -> Pointer:
    return Pointer.model_validate(dict(row._mapping))
