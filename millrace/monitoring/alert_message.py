"""What people are told when alerts fire: rules, figures, where to read on; no text of a trace."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from millrace.errors import BadInputError
from millrace.monitoring.alert_conditions import as_text
from millrace.records.monitoring import FiredAlert

_IN_TITLE = 3
_LABEL_CHARACTERS = 60


class Message(NamedTuple):
    """Subject and plain text."""

    title: str
    body: str


def alert_message(
    alerts: Sequence[FiredAlert], *, scope: str, run_id: str, report: str | None, quiet: timedelta
) -> Message:
    """One message about all alerts of a run, in their order.

    Args:
        scope: whose traces they are about, as 'all tenants'.
        report: where the run's report lies.
        quiet: for how long none of them will be sent again.

    Raises:
        BadInputError: no alerts.
    """
    if not alerts:
        raise BadInputError("nothing to tell anybody: there are no alerts")
    days = ", ".join(sorted({alert.day for alert in alerts}))
    foot = [
        f"Day {days}, {scope}, run {run_id}",
        f"Report: {report}" if report else f"Report: millrace report {run_id}",
        f"All alerts: millrace alerts. None of these is sent again within {quiet / timedelta(minutes=1):.0f} minutes.",
    ]
    return Message(_title(alerts), "\n\n".join([*map(_paragraph, alerts), "\n".join(foot)]))


def scope_text(tenants: Sequence[str] | None) -> str:
    """Whose traces, in words; equal for the same tenants in any order."""
    if tenants is None:
        return "all tenants"
    names = sorted(set(tenants))
    return f"tenant{'' if len(names) == 1 else 's'} {', '.join(names) or 'none'}"


def _title(alerts: Sequence[FiredAlert]) -> str:
    if len(alerts) == 1:
        return f"{alerts[0].severity.capitalize()}: {_name(alerts[0])}"
    severities = [alert.severity for alert in alerts]
    counts = [f"{n} {word}" for word in ("critical", "warning") if (n := severities.count(word))]
    names = [_name(alert) for alert in alerts[:_IN_TITLE]]
    more = [f"{len(alerts) - _IN_TITLE} more"] if len(alerts) > _IN_TITLE else []
    return f"{', '.join(counts)}: {', '.join(names + more)}"


def _paragraph(alert: FiredAlert) -> str:
    figure = f"{alert.figure}{_bracketed(alert.label)}"
    return "\n".join(
        [
            f"{alert.severity.upper()} {_name(alert)}",
            alert.message,
            f"{figure}: {as_text(alert.figure, alert.value)}; held against: {alert.bound}",
            f"What to do: docs/playbooks/{alert.playbook}.md",
        ]
    )


def _name(alert: FiredAlert) -> str:
    return f"{alert.rule_id}{_bracketed(alert.label)}"


def _bracketed(label: str | None) -> str:
    return f" [{short_label(label)}]" if label else ""


def short_label(label: str) -> str:
    """A label on one line and of bearable length; some are whatever the application called its routes or tenants."""
    line = " ".join(label.split())
    return line if len(line) <= _LABEL_CHARACTERS else line[: _LABEL_CHARACTERS - 1] + "…"
