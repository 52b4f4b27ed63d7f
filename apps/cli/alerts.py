"""``millrace alerts``: what fired, and what became of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from millrace.ledger.alerts import LoggedAlert


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(alerts)


def alerts(
    terminal: Terminal,
    run: Annotated[
        str | None, typer.Option(help="Only of this run: its id, the beginning of one, or `latest`.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many, the newest first; 0 for all.")] = 20,
) -> None:
    """List the alerts that fired, and what became of each, the newest first."""
    from apps.cli.run_names import find_run
    from millrace.ledger.alerts import alert_log

    ledger = terminal.existing_home().ledger
    with terminal.working("reading the ledger"):
        run_id = None if run is None else find_run(ledger, run).run_id
        logged = alert_log(ledger, limit + 1 if limit else None, run_id)
    more = bool(limit) and len(logged) > limit
    shown = logged[:limit] if limit else logged
    document = {"alerts": [_document(each) for each in shown], "more": more}
    notes = [f"{len(shown)} alerts" + ("; there are more: --limit 0 shows all" if more else "")]
    if shown:
        notes.append("what to do about one: its playbook in docs/playbooks/")
    terminal.show(document, table(["fired (UTC)", "alert", "day", "to", "became of it"], _rows(shown)), lines(*notes))


def _rows(shown: "list[LoggedAlert]") -> list[tuple[str, ...]]:
    return [
        (
            f"{each.fired_at:%Y-%m-%d %H:%M}",
            f"{each.alert.severity} {each.alert.rule_id}{f' [{each.alert.label}]' if each.alert.label else ''}\n"
            f"{each.alert.message}\n"
            f"{each.scope}, run {each.run_id}, playbook {each.alert.playbook}",
            each.alert.day,
            each.receiver or "nobody",
            _fate(each),
        )
        for each in shown
    ]


def _fate(logged: "LoggedAlert") -> str:
    times = {"sent": logged.sent_at, "claimed": logged.claimed_at, "suppressed": logged.last_sent_at}
    words = {
        "sent": "sent",
        "claimed": "unconfirmed, claimed",
        "suppressed": "suppressed, sent",
        "not_sent": "not sent",
        "no_receiver": "kept here: the run had no receiver",
    }
    at = times.get(logged.status)
    fate = words[logged.status] + (f" {at:%H:%M}" if at else "")
    return f"{fate}: {logged.problem}" if logged.problem else fate


def _document(logged: "LoggedAlert") -> dict[str, Any]:
    """The row with its alert's own fields beside it, as programs filter by them."""
    row = logged.model_dump(mode="json", exclude={"alert", "sequence"})
    return logged.alert.model_dump(mode="json") | row
