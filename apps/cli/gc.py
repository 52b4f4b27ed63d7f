"""``millrace gc``: shows what nothing refers to any more, and frees it with ``--yes``."""

from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, mebibytes, table


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(gc)


def gc(
    terminal: Terminal,
    yes: Annotated[bool, typer.Option("--yes", help="Free the space; without it nothing is removed.")] = False,
    keep_days: Annotated[
        int | None, typer.Option(min=1, help="Let go of what only runs that ended so many days ago name.")
    ] = None,
) -> None:
    """Show, or free, datasets, index snapshots and unfinished builds that nothing refers to.

    Imported traces, golden versions and whatever an unended run, a frozen release, an export or a legal hold needs
    always stay; by default, whatever any run's receipts name.
    """
    from datetime import UTC, datetime

    from apps.cli.garbage import find_garbage, remove

    home = terminal.existing_home()
    with terminal.working("looking for what nothing refers to"):
        found = find_garbage(home, datetime.now(UTC), keep_days=keep_days)
    if yes:
        with terminal.working("freeing space"):
            found = [each for each in found if remove(home, each)]
    total = sum(each.n_bytes for each in found)
    verb = "freed" if yes else "would be freed; --yes frees it"
    rows = [(each.type, each.name, mebibytes(each.n_bytes)) for each in found]
    terminal.show(
        {"freed": yes, "n_bytes": total, "items": found},
        *([table(["type", "name", "size#"], rows)] if rows else []),
        lines(f"{len(found)} items, {mebibytes(total)} {verb}" if found else "nothing to free"),
    )
