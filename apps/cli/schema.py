"""``millrace schema``: the JSON Schema of what Millrace reads and writes."""

from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, table


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(schema)


def schema(
    terminal: Terminal,
    kind: Annotated[str | None, typer.Argument(help="A kind of record, such as traces; without it all.")] = None,
) -> None:
    """Print a record's JSON Schema; that of traces is Millrace's own interchange form."""
    import json

    from millrace.datasets.store import kind_of
    from millrace.records.kinds import KINDS

    if kind is None:
        known = [{"kind": each.name, "version": each.version, "about": _about(each.model)} for each in KINDS.values()]
        terminal.show(known, table(["kind", "version#", "about"], [list(row.values()) for row in known]))
        return
    document = kind_of(kind).model.model_json_schema()
    if terminal.as_json:
        terminal.show(document)
    else:  # lines broken to the terminal's width would be no JSON
        terminal.out.print(json.dumps(document, indent=2), soft_wrap=True, markup=False, emoji=False)


def _about(model: type) -> str:
    return (model.__doc__ or "").split("\n")[0]
