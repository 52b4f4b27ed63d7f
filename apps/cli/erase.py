"""``millrace erase``: requests to delete a person's data, and how they stand; ``erase-user`` carries them out."""

import sys
from functools import partial
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    erase = typer.Typer(help="Requests to delete a person's data.", no_args_is_help=True, rich_markup_mode=None)
    command(erase, "request")(request)
    command(erase, "status")(status)
    command(erase, "list")(list_all)
    app.add_typer(erase, name="erase")


def request(
    terminal: Terminal,
    by: Annotated[str, typer.Option(help="Who takes the request in; kept with it.")],
    user: Annotated[
        str | None,
        typer.Option(help="The user's id; `-` or left out: read from stdin, or asked for, and in no history."),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Only their data in this tenant; by default in all.")] = None,
) -> int | None:
    """Take in a request: prints a handle, by which alone the person is known from then on."""
    from apps.cli.erasures import take_in

    taken = take_in(terminal.existing_home(), _user(terminal, user), tenant, by)
    terminal.show(
        taken,
        lines(
            f"request {taken.handle}: {taken.n_datasets} datasets hold the person, by the index",
            f"`millrace run erase-user --set handle={taken.handle}` counts what is there, and asks before it erases",
        ),
    )
    return None


def status(
    terminal: Terminal, handle: Annotated[str, typer.Argument(help="As `millrace erase request` printed it.")]
) -> int | None:
    """Show how a request stands, step by step."""
    from apps.cli.erasures import standing_of

    standing = standing_of(terminal.existing_home(), handle)
    rows = [(step.at.isoformat(timespec="seconds"), step.run, step.step, step.said) for step in standing.steps]
    asked = f"requested by {standing.request.requested_by} at {standing.request.requested_at.isoformat()}"
    terminal.show(
        standing,
        lines(f"{handle}: {standing.request.status}, {asked}"),
        *([table(["at", "run", "step", "counts"], rows)] if rows else []),
    )
    return 1 if standing.request.status in ("partial", "failed") else None


def list_all(terminal: Terminal) -> None:
    """List the requests, the newest first."""
    from millrace.ledger import erasures

    found = erasures.list_requests(terminal.existing_home().ledger)
    rows = [
        (each.handle, each.status, each.requested_by, each.requested_at.isoformat(timespec="seconds")) for each in found
    ]
    terminal.show(
        {"requests": [each.model_dump(mode="json", exclude={"subject_hash", "tenant_hash"}) for each in found]},
        table(["handle", "status", "requested by", "requested at"], rows) if found else lines("no requests"),
    )


def _user(terminal: Terminal, given: str | None) -> str:
    from millrace.errors import BadInputError

    if given is not None and given != "-":
        return given
    asked = partial(typer.prompt, "The user's id", hide_input=True, err=True)
    user = str(asked() if terminal.interactive else sys.stdin.readline()).strip()
    if not user:
        raise BadInputError("user: no id was given; write it to stdin, or name it with --user", field="user")
    return user
