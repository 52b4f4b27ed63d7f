"""Tells people of alerts: each once, whatever is killed or runs at the same time, and no alert again too soon.

The ledger's claim comes before the sending (``millrace.ledger.alerts``). A receiver that surely took nothing (it
refused, answered that it is in trouble, or could not be reached) costs the claim, and a later try may send. One that
did not answer in time may have taken it: the claim stays, as after a kill, for better late than twice.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from prefect.runtime import task_run

from blocks.names import NotificationName
from millrace.errors import BadInputError, MillraceError, UnavailableError
from millrace.ledger.alerts import (
    LoggedAlert,
    claim_alerts,
    confirm_alerts,
    doubt_alerts,
    log_unreceived,
    release_alerts,
)
from millrace.monitoring.alert_message import alert_message, scope_text
from millrace.records.monitoring import AlertDelivery, FiredAlert
from tasks.effect import effect
from tasks.run import current_run, in_prefect, log, utc_now

N_RETRIES = 3
SUPPRESS_MINUTES = 30.0


@effect(retries=N_RETRIES)
def send_alerts(
    alerts: list[FiredAlert],
    receivers: list[NotificationName],
    *,
    tenants: list[str] | None = None,
    report: str | None = None,
    suppress_minutes: float = SUPPRESS_MINUTES,
) -> list[AlertDelivery]:
    """Send each receiver one message with all alerts that it was not sent in the last minutes.

    Args:
        alerts: of one run, in the order in which they are told.
        receivers: saved notification blocks; with none the alerts are only kept in the ledger.
        tenants: whose traces they are about, None for all; alerts of other tenants are other alerts.
        report: path of the run's report, for the message; told as an absolute one.
        suppress_minutes: how long an alert that was claimed or sent is not sent to the same receiver again.

    Returns:
        One delivery for each alert and receiver, by receiver, then in the alerts' order. A receiver in trouble is
        tried again in Prefect; in the end there is a warning, and the run goes on.

    Raises:
        BadInputError: a quiet time that is not positive.
    """
    if not suppress_minutes > 0:
        raise BadInputError(f"alerts need a quiet time to be sent once: {suppress_minutes} minutes is none")
    scope, run = scope_text(tenants), current_run()
    if not receivers:
        log_unreceived(run.home.ledger, alerts, scope=scope, run_id=run.run_id, at=utc_now())
        return [AlertDelivery(key=alert.key, outcome="no_receiver") for alert in alerts]
    sender = _Sender(alerts, scope, report, timedelta(minutes=suppress_minutes))
    names = {receiver.name: receiver for receiver in receivers}  # one named twice is told once
    deliveries = [delivery for receiver in names.values() for delivery in sender.tell(receiver)]
    if sender.may_heal is not None and in_prefect() and int(task_run.run_count or 1) <= N_RETRIES:
        raise sender.may_heal  # what was sent stays settled: the next try sends to the others only
    return deliveries


class _Sender:
    """One run's alerts, on their way to one receiver after the other."""

    def __init__(self, alerts: Sequence[FiredAlert], scope: str, report: str | None, quiet: timedelta) -> None:
        self._alerts, self._scope, self._report, self._quiet = alerts, scope, report, quiet
        self._run = current_run()
        self.may_heal: UnavailableError | None = None

    def tell(self, receiver: NotificationName) -> list[AlertDelivery]:
        """Claim, send, confirm."""
        claims = claim_alerts(
            self._run.home.ledger,
            self._alerts,
            receiver=receiver.name,
            scope=self._scope,
            run_id=self._run.run_id,
            at=utc_now(),
            quiet=self._quiet,
        )
        sent = self._send(receiver, claims.mine) if claims.mine else []
        by_key = {logged.alert.key: self._delivery(logged) for logged in [*claims.settled, *sent]}
        return [by_key[alert.key] for alert in self._alerts]

    def _send(self, receiver: NotificationName, claimed: list[LoggedAlert]) -> list[LoggedAlert]:
        ledger = self._run.home.ledger
        message = alert_message(
            [logged.alert for logged in claimed],
            scope=self._scope,
            run_id=self._run.run_id,
            report=None if self._report is None else str(Path(self._report).absolute()),
            quiet=self._quiet,
        )
        try:
            receiver.notify(message.title, message.body)
        except (BadInputError, UnavailableError) as error:
            return self._failed(claimed, error)
        return confirm_alerts(ledger, claimed, utc_now())

    def _failed(self, claimed: list[LoggedAlert], error: MillraceError) -> list[LoggedAlert]:
        log().warning("nobody was told of %d alerts: %s", len(claimed), error)
        if error.details.get("taken") != "no":
            return doubt_alerts(self._run.home.ledger, claimed, f"{error}; it may have arrived all the same")
        if isinstance(error, UnavailableError):
            self.may_heal = error
        return release_alerts(self._run.home.ledger, claimed, str(error))

    def _delivery(self, logged: LoggedAlert) -> AlertDelivery:
        """How it stands; an open claim of this run without a problem is one whose sender died."""
        if logged.status == "claimed" and logged.problem is None:
            return AlertDelivery(
                key=logged.alert.key,
                outcome="suppressed",
                receiver=logged.receiver,
                problem="this run was interrupted while sending it: it may have arrived, and counts as sent",
                last_sent_at=logged.claimed_at,
            )
        return AlertDelivery(
            key=logged.alert.key,
            outcome="not_sent" if logged.status == "claimed" else logged.status,
            receiver=logged.receiver,
            problem=logged.problem,
            last_sent_at=logged.last_sent_at,
        )
