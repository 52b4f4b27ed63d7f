"""Sends alerts from processes of their own, which may be killed at any durable operation.

Imports everything once, then serves lines of JSON: ``home``, ``url`` of the receiver, ``run_ids`` (a process each, all
at once), ``minute`` of the clock, and ``fatal`` (number of the operation to die at, 0 for none). Each is played by a
fork, so that a killed one costs no imports. Answers with a list: of each process its exit status, the durable
operations it made, and the outcomes it gave.
"""

import os
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from prefect.blocks.notifications import CustomWebhookNotificationBlock

import blocks.notification
import tasks.alerts
from blocks.names import NotificationName
from millrace.monitoring.alerts import alert_key
from millrace.records.monitoring import FiredAlert
from millrace.records.trace import utc
from tests.support.forks import play_at_once, serve
from tests.support.kills import Killer
from tests.tasks.turns import plain_turn

START = utc(2026, 11, 21, 6)
RECEIVER = NotificationName(name="custom-webhook/on-call")


def fired(rule_id: str = "groundedness-dropped", label: str | None = None, **changed: Any) -> FiredAlert:
    """An alert as a rule fires it."""
    values: dict[str, Any] = {
        "key": alert_key(rule_id, "hallucination/groundedness", label),
        "rule_id": rule_id,
        "severity": "critical",
        "day": "2026-11-20",
        "figure": "hallucination/groundedness",
        "label": label,
        "value": 0.41,
        "bound": "15 % below the median 0.75 of 7 days",
        "message": "Answers are less supported by their passages: 0.41.",
        "playbook": "groundedness",
    }
    return FiredAlert(**values | changed)


def webhook(url: str, **settings: Any) -> CustomWebhookNotificationBlock:
    """The block behind a receiver's name, as Prefect would load it."""
    payload = {"subject": "{{subject}}", "body": "{{body}}"}
    return CustomWebhookNotificationBlock(name="on-call", url=url, json_data=payload, **settings)


def _play(order: dict[str, Any], run_id: str) -> dict[str, Any]:
    os.environ["MILLRACE_HOME"] = order["home"]
    block = webhook(order["url"])
    blocks.notification._load = lambda name: block
    tasks.alerts.utc_now = lambda: START + timedelta(minutes=order["minute"])  # type: ignore[attr-defined]
    killer = Killer(Path(order["home"]), lambda number, _event: number == order["fatal"])
    killer.install()
    sent = plain_turn(lambda: tasks.alerts.send_alerts([fired()], [RECEIVER]), run_id)
    return {"events": killer.events, "outcomes": [each.outcome for each in sent]}


def _answer(order: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    played = play_at_once([partial(_play, order, run_id) for run_id in order["run_ids"]], folder)
    return [{"events": [], "outcomes": []} | each for each in played]


def _warm_up(folder: Path) -> None:
    """Fill the caches of fingerprints and compiled SQL; nothing is sent, as no fork survives its threads."""
    os.environ["MILLRACE_HOME"] = str(folder / "warm")
    plain_turn(lambda: tasks.alerts.send_alerts([fired()], []), "warm")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        _warm_up(Path(name))
    serve(_answer)
