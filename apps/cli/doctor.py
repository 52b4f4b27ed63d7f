"""``millrace doctor``: whether installation and home are in order, and what to do where they are not."""

import typer

from apps.cli.command import command
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines, table

_MARKS = {"ok": "ok", "warning": "warning", "wrong": "WRONG"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(doctor)


def doctor(terminal: Terminal) -> int:
    """Check the installation and the home; 1 when something is wrong."""
    from apps.cli.health import examine

    with terminal.working("examining"):
        findings = examine(terminal.root)
    wrong = [finding for finding in findings if finding.status == "wrong"]
    rows = [(_MARKS[each.status], each.subject, each.found, each.remedy) for each in findings]
    terminal.show(
        {"healthy": not wrong, "findings": findings},
        table(["", "what", "found", "what to do"], rows),
        lines(f"{len(wrong)} wrong" if wrong else "nothing is wrong"),
    )
    return FINDING if wrong else OK
