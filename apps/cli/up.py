"""``millrace up``: server, user interface and all deployments on this machine."""

from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(up)


def up(
    terminal: Terminal,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of server and user interface.")] = 4200,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than 127.0.0.1 need protection.")
    ] = "127.0.0.1",
) -> int:
    """Run Prefect's server, its user interface and all deployments with their schedules, until Ctrl-C."""
    from apps.cli.launcher import launch

    return launch(terminal, host, port)
