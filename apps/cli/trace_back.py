"""``millrace trace-back``: from a row of an export to the bytes it came from, every hash on the way taken again."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from apps.cli.lineage_hops import Lineage


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(trace_back)


def trace_back(
    terminal: Terminal,
    row: Annotated[str, typer.Argument(help="Evidence id, pair id, file.jsonl:LINE or file.parquet:ROW, from 1.")],
    run: Annotated[
        str | None,
        typer.Option("--run", help="Run of distill; default the one that published the file or last had the id."),
    ] = None,
) -> int:
    """Walk a row of training data back to its source, and check every hash on the way."""
    from apps.cli.lineage import trace_back as walked_back

    with terminal.working("walking back"):
        lineage = walked_back(terminal.existing_home(), row, run)
    document = lineage.model_dump(mode="json") | {"holds": lineage.holds}
    terminal.show(document, *_human(lineage))
    return OK if lineage.holds else FINDING


def _human(lineage: "Lineage") -> list[Any]:
    bad = [hop for hop in lineage.hops if hop.status != "same"]
    exported = ", ".join(lineage.exported) or "in no export"
    shown = [
        lines(f"run {lineage.run_id}; {lineage.row}: {exported}"),
        table(["what", "compared with", "is"], [(_short(h.subject), _short(h.check), h.status) for h in lineage.hops]),
    ]
    if not bad:
        return [*shown, lines(f"{len(lineage.hops)} steps, no difference")]
    rows = [(hop.subject, hop.status, hop.expected, hop.found) for hop in bad]
    return [
        *shown,
        lines(f"{len(bad)} of {len(lineage.hops)} steps found a difference"),
        table(["what", "is", "expected", "found"], rows),
    ]


def _short(text: str) -> str:
    """Hashes by their first digits; ``--json`` has them whole."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1", text)
