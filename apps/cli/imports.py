"""``millrace import traces``: the import-traces flow with its settings as options."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.environment import prepare
from apps.cli.terminal import Terminal

_FLOW = "import-traces"


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Take data in.", no_args_is_help=True, rich_markup_mode=None)
    command(group, "traces")(import_traces)
    app.add_typer(group, name="import")


def import_traces(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help="JSONL, JSON or Parquet.")],
    mapping: Annotated[
        str, typer.Option(help="Bundled (millrace, otlp, langfuse, mtrag), or a YAML file of your own.")
    ],
    time: Annotated[str | None, typer.Option(help="ISO time with a zone, for rows that give none.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant of rows that give none.")] = None,
) -> int:
    """Import a file of traces; personal data is redacted before anything is stored."""
    prepare(terminal.root)
    with terminal.working("loading the importer"):
        from apps.cli.flow_catalogue import bundled_settings, load_flow, validated
        from apps.cli.flow_runs import call_flow, new_run_id
        from millrace.errors import NotFoundError

        if not file.is_file():
            raise NotFoundError(f"no file {file}", file=str(file))
        flow = load_flow(_FLOW)
    given = {"file": str(file), "mapping": mapping, "time": time, "tenant": tenant}
    settings = bundled_settings(_FLOW) | {name: value for name, value in given.items() if value is not None}
    return call_flow(terminal, flow, validated(flow, settings), new_run_id(_FLOW, datetime.now(UTC)))
