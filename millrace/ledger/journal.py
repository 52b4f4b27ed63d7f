"""The journal of effects: intended before, done after, so that a run after a crash knows which.

An effect that crashed between the two is done again: what it does outside must bear that. What it does in
the ledger can share a transaction with :func:`finish_effect` and is then done exactly once.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.schema import EffectStatus, Json, effects
from millrace.ledger.store import Ledger, insert_new
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime


class EffectState(Record):
    """Where one effect stands; ``result`` is None until it is done."""

    key: Identifier
    name: Identifier
    run_id: Identifier
    status: EffectStatus
    result: Json
    intended_at: UtcTime
    done_at: UtcTime | None


def begin_effect(ledger: Ledger, key: str, name: str, run_id: str, at: datetime) -> EffectState:
    """Note the intention, unless the key is known.

    Returns:
        ``intended``: do it now, then call :func:`finish_effect`. ``done``: do nothing, use its result.

    Raises:
        BadInputError: the key belongs to an effect of another name.
    """
    row = {"key": key, "name": name, "run_id": run_id, "status": "intended", "intended_at": at, "result": None}
    with ledger.write() as connection:
        insert_new(connection, effects, [row])
        state = _state_of(connection, key)
    if state.name != name:
        raise BadInputError(f"effect key {key} belongs to {state.name}, not to {name}", key=key, name=state.name)
    return state


def finish_effect(ledger: Ledger, key: str, result: Json, at: datetime) -> EffectState:
    """Note that the effect is done; the first result ever noted stays and is returned.

    Raises:
        NotFoundError: the effect was never begun.
    """
    with ledger.write() as connection:
        unfinished = update(effects).where(effects.c.key == key, effects.c.status == "intended")
        connection.execute(unfinished.values(status="done", result=result, done_at=at))
        return _state_of(connection, key)


def effects_of(ledger: Ledger, run_id: str) -> list[EffectState]:
    """The effects that this run was the first to intend, by time of intention, then key."""
    query = select(effects).where(effects.c.run_id == run_id)
    with ledger.read() as connection:
        states = [_state(row) for row in connection.execute(query)]
    return sorted(states, key=lambda state: (state.intended_at, state.key))


def _state_of(connection: Connection, key: str) -> EffectState:
    row = connection.execute(select(effects).where(effects.c.key == key)).one_or_none()
    if row is None:
        raise NotFoundError(f"effect {key} was never begun", key=key)
    return _state(row)


def _state(row: Row[Any]) -> EffectState:
    return EffectState.model_validate(dict(row._mapping))
