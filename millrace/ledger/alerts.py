"""Alerts that fired and what became of them; the claim here is what keeps one from being sent twice.

An alert is claimed in one transaction before it is sent and confirmed after. For the quiet time after a claim or a
sending nobody else gets a claim on the same key, scope and receiver, so that a sender that died in between costs a
delay and never a second message. Whoever surely sent nothing gives the claim back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, select, update

from millrace.ledger.schema import AlertStatus, alerts
from millrace.ledger.store import Ledger
from millrace.records.base import Identifier, Record
from millrace.records.monitoring import FiredAlert
from millrace.records.trace import UtcTime

_NOBODY = ""  # in place of a receiver: NULLs would not be unique


class LoggedAlert(Record):
    """A fired alert of a run, for one receiver."""

    sequence: int
    run_id: Identifier
    scope: str = Field(description="Whose traces it is about; alerts of another scope are another alert")
    receiver: Identifier | None = Field(description="None: the run had no receiver")
    alert: FiredAlert
    status: AlertStatus = Field(description="claimed: being sent, or the sender died, or it got no clear answer")
    fired_at: UtcTime
    claimed_at: UtcTime | None
    sent_at: UtcTime | None
    last_sent_at: UtcTime | None = Field(description="Of a suppressed one: when it was sent before")
    problem: str | None


class Claims(Record):
    """What a sender may send now, and how the other alerts stand."""

    mine: list[LoggedAlert]
    settled: list[LoggedAlert] = Field(description="Suppressed, or claimed or sent by this run before")


def claim_alerts(
    ledger: Ledger,
    fired: Sequence[FiredAlert],
    *,
    receiver: str,
    scope: str,
    run_id: str,
    at: datetime,
    quiet: timedelta,
) -> Claims:
    """Claim what nobody claimed or sent to the receiver less than ``quiet`` ago; note the rest as suppressed.

    What the run itself has sent is settled for good; what it claimed and never confirmed can be claimed again after
    ``quiet``.
    """
    mine: list[LoggedAlert] = []
    settled: list[LoggedAlert] = []
    with ledger.write() as connection:
        for alert in fired:
            own = _own(connection, alert, receiver, scope, run_id)
            if own is not None and (own.status == "sent" or _is_recent(own, at, quiet)):
                settled.append(own)
                continue
            other = _latest_of_others(connection, alert, receiver, scope, run_id, at, quiet)
            values = _claimed(at) if other is None else _suppressed(other)
            logged = _put(connection, alert, receiver, scope, run_id, at, values)
            (mine if other is None else settled).append(logged)
    return Claims(mine=mine, settled=settled)


def confirm_alerts(ledger: Ledger, claimed: Sequence[LoggedAlert], at: datetime) -> list[LoggedAlert]:
    """Note that they were sent."""
    return _settle(ledger, claimed, {"status": "sent", "sent_at": at, "problem": None})


def release_alerts(ledger: Ledger, claimed: Sequence[LoggedAlert], problem: str) -> list[LoggedAlert]:
    """Give the claims back: surely nothing was sent, anybody may try."""
    return _settle(ledger, claimed, {"status": "not_sent", "claimed_at": None, "problem": problem})


def doubt_alerts(ledger: Ledger, claimed: Sequence[LoggedAlert], problem: str) -> list[LoggedAlert]:
    """Keep the claims, as they may have been sent, and note why nobody knows."""
    return _settle(ledger, claimed, {"problem": problem})


def log_unreceived(ledger: Ledger, fired: Sequence[FiredAlert], *, scope: str, run_id: str, at: datetime) -> None:
    """Note alerts of a run that has nobody to tell."""
    with ledger.write() as connection:
        for alert in fired:
            _put(connection, alert, _NOBODY, scope, run_id, at, {"status": "no_receiver"})


def alert_log(ledger: Ledger, limit: int | None = None, run_id: str | None = None) -> list[LoggedAlert]:
    """What fired in all runs or in one, the newest first."""
    query = select(alerts).order_by(alerts.c.fired_at.desc(), alerts.c.sequence.desc()).limit(limit)
    if run_id is not None:
        query = query.where(alerts.c.run_id == run_id)
    with ledger.read() as connection:
        return [_logged(row) for row in connection.execute(query)]


def _claimed(at: datetime) -> dict[str, Any]:
    return {"status": "claimed", "claimed_at": at, "last_sent_at": None, "problem": None}


def _suppressed(other: LoggedAlert) -> dict[str, Any]:
    problem = None
    if other.status == "claimed":
        problem = f"run {other.run_id} claimed it and has not confirmed that it was sent: it counts as sent"
    return {"status": "suppressed", "claimed_at": None, "last_sent_at": _moment(other), "problem": problem}


def _moment(logged: LoggedAlert) -> datetime | None:
    return logged.sent_at or logged.claimed_at


def _is_recent(logged: LoggedAlert, at: datetime, quiet: timedelta) -> bool:
    """A moment that lies far ahead comes from a clock that was wrong, and silences nobody."""
    moment = _moment(logged)
    return logged.status in ("claimed", "sent") and moment is not None and abs(at - moment) < quiet


def _own(connection: Connection, alert: FiredAlert, receiver: str, scope: str, run_id: str) -> LoggedAlert | None:
    row = connection.execute(select(alerts).where(_is(alert, receiver, scope, run_id))).one_or_none()
    return None if row is None else _logged(row)


def _latest_of_others(
    connection: Connection, alert: FiredAlert, receiver: str, scope: str, run_id: str, at: datetime, quiet: timedelta
) -> LoggedAlert | None:
    same = (alerts.c.key == alert.key) & (alerts.c.receiver == receiver) & (alerts.c.scope == scope)
    holding = alerts.c.status.in_(("claimed", "sent")) & (alerts.c.claimed_at > at - 2 * quiet)  # sent soon after
    query = select(alerts).where(same, holding, alerts.c.run_id != run_id)
    recent = [each for each in map(_logged, connection.execute(query)) if _is_recent(each, at, quiet)]
    return max(recent, key=lambda each: (_moment(each) or each.fired_at, each.sequence), default=None)


def _put(
    connection: Connection,
    alert: FiredAlert,
    receiver: str,
    scope: str,
    run_id: str,
    at: datetime,
    values: dict[str, Any],
) -> LoggedAlert:
    """Insert the run's row, or bring it up to date; it keeps the time at which it was first fired."""
    own = _is(alert, receiver, scope, run_id)
    if connection.execute(update(alerts).where(own).values(values)).rowcount == 0:
        identity = {"run_id": run_id, "key": alert.key, "scope": scope, "receiver": receiver}
        row = identity | {"alert": alert.model_dump(mode="json"), "fired_at": at}
        connection.execute(alerts.insert().values(row | values))
    return _logged(connection.execute(select(alerts).where(own)).one())


def _settle(ledger: Ledger, claimed: Sequence[LoggedAlert], values: dict[str, Any]) -> list[LoggedAlert]:
    listed = alerts.c.sequence.in_([each.sequence for each in claimed])
    with ledger.write() as connection:
        connection.execute(update(alerts).where(listed, alerts.c.status == "claimed").values(values))
        return [_logged(row) for row in connection.execute(select(alerts).where(listed).order_by(alerts.c.sequence))]


def _is(alert: FiredAlert, receiver: str, scope: str, run_id: str) -> Any:
    own = (alerts.c.run_id == run_id) & (alerts.c.key == alert.key)
    return own & (alerts.c.scope == scope) & (alerts.c.receiver == receiver)


def _logged(row: Row[Any]) -> LoggedAlert:
    values = {name: value for name, value in row._mapping.items() if name != "key"}
    return LoggedAlert.model_validate(values | {"receiver": row.receiver or None})
