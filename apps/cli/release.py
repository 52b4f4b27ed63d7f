"""``millrace release-key``: the key that releases are signed with."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(release_key)


def release_key(
    terminal: Terminal,
    out: Annotated[Path | None, typer.Option(help="File for the public key; default beside the private one.")] = None,
) -> None:
    """Show the key that releases are signed with, and make it when there is none. Its private half is never shown."""
    from blocks.signing_key import make_key

    key = make_key(terminal.root, out)
    document = {"public_key": str(key.public_key), "key_id": key.key_id, "created": key.created}
    made = "made a new key; its private half lies at" if key.created else "the private half lies at"
    terminal.show(
        document,
        lines(
            f"public key: {key.public_key}",
            f"key id:     {key.key_id}",
            f"{made} {key.private_key}: keep a copy where only you can read it",
        ),
    )
