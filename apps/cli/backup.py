"""``millrace backup``: everything that cannot be computed again, in one file, while runs go on."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.command import command
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines, mebibytes, table

if TYPE_CHECKING:
    from millrace.records.backup import Backup

_EVERY_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(backup)


def backup(
    terminal: Terminal,
    out: Annotated[Path, typer.Option(help="File ending in .tar.zst, or a folder; outside of the home.")] = Path(),
    verify: Annotated[Path | None, typer.Option(help="Make none: read this backup again, and name any damage.")] = None,
) -> int:
    """Copy the home, secrets included, into one file that only its owner can read; runs may go on meanwhile.

    Prefect's records, cached results, logs and unfinished work are left out.
    """
    if verify is not None:
        return _verify(terminal, verify)
    from tasks.audit_log import process_actor
    from tasks.backup import make_backup

    made = make_backup(terminal.existing_home(), out, shown_progress(terminal, "backed up"), actor=process_actor())
    terminal.show(made, lines(*_made_lines(made)))
    return OK


def shown_progress(terminal: Terminal, verb: str) -> Callable[[int, int], None]:
    """Says on stderr how far it is, every two seconds."""
    told = monotonic()

    def show(done: int, total: int) -> None:
        nonlocal told
        if monotonic() - told >= _EVERY_S:
            told = monotonic()
            terminal.say(f"{verb} {mebibytes(done)} of {mebibytes(total)}")

    return show


def _made_lines(made: "Backup") -> list[str]:
    about = made.about
    shown = [
        f"{made.file}: {about.n_files} files, {mebibytes(about.n_bytes)}, packed {mebibytes(made.n_packed_bytes)}",
        f"sha256 {made.sha256}",
        "it holds all traces and these secrets of the home; keep it as safe as the home:",
        *(f"  {name}" for name in about.secrets or ["none"]),
    ]
    if about.left_out:
        shown += ["LEFT OUT, being links, devices or datasets that are not whole:", *(f"  {x}" for x in about.left_out)]
    return shown


def _verify(terminal: Terminal, file: Path) -> int:
    from millrace.governance.backup_check import verify_backup

    verdict = verify_backup(file, shown_progress(terminal, "verified"))
    if verdict.verified and verdict.about is not None:
        n_files, made_at = verdict.about.n_files, f"{verdict.about.made_at:%Y-%m-%d %H:%M:%S} UTC"
        terminal.show(verdict, lines(f"{file}: {n_files} files of {made_at}, every byte as it was written"))
        return OK
    rows = [(finding.name or "(the backup itself)", finding.problem, finding.message) for finding in verdict.findings]
    terminal.show(verdict, lines(f"{file}: NOT as it was written"), table(["file", "problem", "what was found"], rows))
    return FINDING
