"""``millrace reviewer``: who decides, in which role, and whether decisions must be signed."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

NameArgument = Annotated[str, typer.Argument(help="The person's name.")]
ByOption = Annotated[
    str | None,
    typer.Option(help="Who allows it: a reviewer who may manage_reviewers, whose key is here. Default: the only key."),
]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Reviewers: who may decide.", no_args_is_help=True, rich_markup_mode=None)
    command(group)(add)
    command(group)(revoke)
    command(group, "list")(list_reviewers)
    command(group)(roles)
    command(group)(single_user)
    app.add_typer(group, name="reviewer")


def add(
    terminal: Terminal,
    name: NameArgument,
    role: Annotated[str, typer.Option(help="What they may do; `millrace reviewer roles` shows the roles.")],
    by: ByOption = None,
    public_key: Annotated[
        Path | None, typer.Option(help="The public key they handed over. Default: their key here, made where needed.")
    ] = None,
) -> None:
    """Add a reviewer and their key. The private half is never shown and never in the home."""
    from apps.cli.reviewing import add_reviewer, added_lines

    added = add_reviewer(terminal.home, name, role, by, public_key)
    terminal.show(added, lines(*added_lines(added)))


def revoke(terminal: Terminal, name: NameArgument, by: ByOption = None) -> None:
    """From now on, nothing counts that the reviewer's key signs; earlier decisions stand."""
    from apps.cli.reviewing import revoke_reviewer

    revoked = revoke_reviewer(terminal.existing_home(), name, by)
    terminal.show({"reviewer": revoked}, lines(f"{revoked.name} is revoked since {revoked.revoked_at}"))


def list_reviewers(terminal: Terminal) -> None:
    """List the reviewers, and say whether unsigned decisions are taken."""
    from apps.cli.reviewing import list_known

    known, single = list_known(terminal.existing_home())
    rows = [(each.name, each.role, each.key_here, each.added_by, each.revoked_at or "") for each in known]
    said = "single-user: unsigned decisions are taken" if single else "every decision needs a reviewer's signature"
    head = ["name", "role", "key", "added by", "revoked"]
    terminal.show({"reviewers": known, "single_user": single}, table(head, rows), lines(said))


def roles(terminal: Terminal) -> None:
    """Show which role holds which permission."""
    from millrace.records.governance import Permission
    from tasks.tables import role_table

    held = role_table().roles
    rows = [
        (each, *("x" if each in permissions else "" for permissions in held.values())) for each in get_args(Permission)
    ]
    terminal.show({"roles": held}, table(["permission", *held], rows))


def single_user(
    terminal: Terminal,
    setting: Annotated[
        str, typer.Argument(help="on: unsigned decisions are taken, reports say so. off: they are not.")
    ],
    by: ByOption = None,
) -> None:
    """Say whether this home is one person's, who decides without a signature."""
    from apps.cli.reviewing import set_single_user

    done = set_single_user(terminal.home, setting, by)
    now = "taken, and reports say that they are unsigned" if done.single_user else "not taken"
    terminal.show(done, lines(f"single-user {setting}: unsigned decisions are {now}"))
