"""``millrace hold``: legal holds, which keep data from retention and erasure."""

from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from millrace.ledger.holds import Hold

ByOption = Annotated[str, typer.Option("--by", help="Who orders it; kept, and noted in the audit log.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(
        help="Legal holds: what must not be deleted by retention, erasure or gc.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    command(group)(place)
    command(group)(release)
    command(group, "list")(list_holds)
    app.add_typer(group, name="hold")


def place(
    terminal: Terminal,
    reason: Annotated[str, typer.Option(help="Why: a case, an order. No personal data: it is shown in reports.")],
    by: ByOption,
    dataset: Annotated[str | None, typer.Option(help="Content hash of a dataset, or its beginning.")] = None,
    run: Annotated[str | None, typer.Option(help="Run id: what it read and made.")] = None,
    user: Annotated[str | None, typer.Option(help="User id; only its keyed hash is kept.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant id; only its keyed hash is kept.")] = None,
) -> None:
    """Keep a dataset, a run's datasets, or everything of a user or tenant from being deleted."""
    from apps.cli.holding import place_hold

    given = {"dataset": dataset, "run": run, "user": user, "tenant": tenant}
    placed = place_hold(terminal.existing_home(), given, reason=reason, by=by)
    said = f"hold {placed.hold.hold_id} on a {placed.hold.held_type}: it reaches {placed.n_datasets} datasets"
    none = "nothing that this home knows is reached; what comes later is, if it is of this user or tenant"
    terminal.show(placed, lines(said, *([none] if not placed.n_datasets else [])))


def release(terminal: Terminal, hold: Annotated[str, typer.Argument(help="Id of the hold.")], by: ByOption) -> None:
    """End a hold; it stays in the list."""
    from apps.cli.holding import release_hold

    released = release_hold(terminal.existing_home(), hold, by=by)
    terminal.show({"hold": released}, lines(f"hold {released.hold_id} is released"))


def list_holds(
    terminal: Terminal,
    every: Annotated[bool, typer.Option("--all", help="Released ones too.")] = False,
) -> None:
    """List the holds in force; users and tenants as keyed hashes."""
    from millrace.ledger import holds

    ledger = terminal.existing_home().ledger
    found = holds.all_holds(ledger) if every else holds.active(ledger)
    rows = [_listed(each, every) for each in found]
    head = ["id", "on", "held", "reason", "by", "since", *(["released"] if every else [])]
    terminal.show({"holds": found}, table(head, rows) if rows else lines("no holds"))


def _listed(hold: "Hold", every: bool) -> tuple[str, ...]:
    released = "" if hold.released_at is None else f"{hold.released_by}, {hold.released_at:%Y-%m-%d %H:%M}"
    since = f"{hold.placed_at:%Y-%m-%d %H:%M}"
    facts = (hold.hold_id, hold.held_type, hold.held[:16], hold.reason, hold.placed_by, since)
    return (*facts, released) if every else facts
