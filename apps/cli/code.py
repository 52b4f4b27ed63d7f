"""``millrace code``: a decision signed for the form in Prefect's user interface."""

from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(code)


def code(
    terminal: Terminal,
    run: Annotated[str, typer.Argument(help="Run id, the beginning of one, or `latest`: the latest that asks.")],
    decision: Annotated[str, typer.Option(help="approve, reject or extend.")],
    reviewer: Annotated[str | None, typer.Option(help="Who signs. Default: the only one whose key is here.")] = None,
    valid_hours: Annotated[float, typer.Option(help="How long it can be used; at most 720.")] = 24.0,
) -> None:
    """Print the code that proves this decision of yours on what the run asks now, to be pasted into its form."""
    from apps.cli.coding import print_code

    made = print_code(terminal, run, decision, reviewer, valid_hours)
    if terminal.as_json:
        terminal.show(made)
    else:
        terminal.stdout.write(made.code + "\n")  # whole, however narrow the terminal is
