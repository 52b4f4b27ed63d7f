"""``millrace import traces`` and ``import feedback``: the flows of these names with their settings as options."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.environment import prepare
from apps.cli.terminal import Terminal
from millrace.errors import BadInputError


class Scale(StrEnum):
    """What numbers in ratings mean; the names of ``millrace.ingestion.rating_scales``."""

    thumbs = "thumbs"
    stars = "stars"
    unit = "unit"


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Take data in.", no_args_is_help=True, rich_markup_mode=None)
    command(group, "traces")(import_traces)
    command(group, "feedback")(import_feedback)
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
    return _import(terminal, "import-traces", file, mapping=mapping, time=time, tenant=tenant)


def import_feedback(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help="JSONL, JSON or Parquet; a row has a trace_id and what was said.")],
    scale: Annotated[
        Scale | None, typer.Option(help="What numbers mean: 1, 0 and -1; 1 to 5; or 0 to 1. Without it none is taken.")
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option(help="Where a field is that has another name: trace_id=trace.id; repeatable.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="ISO time with a zone, for rows that give none.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Tenant of rows that give none.")] = None,
) -> int:
    """Import what users say of answers: ratings, corrections, comments; personal data is redacted."""
    scale_name = None if scale is None else scale.value
    fields = _fields(field) if field else None
    return _import(terminal, "import-feedback", file, scale=scale_name, fields=fields, time=time, tenant=tenant)


def _import(terminal: Terminal, name: str, file: Path, **given: object) -> int:
    prepare(terminal.root)
    with terminal.working("loading the importer"):
        from apps.cli.flow_catalogue import bundled_settings, load_flow, validated
        from apps.cli.flow_runs import call_flow, new_run_id
        from millrace.errors import NotFoundError

        if not file.is_file():
            raise NotFoundError(f"no file {file}", file=str(file))
        flow = load_flow(name)
    chosen = {option: value for option, value in given.items() if value is not None}
    settings = bundled_settings(name) | {"file": str(file)} | chosen
    return call_flow(terminal, flow, validated(flow, settings), new_run_id(name, datetime.now(UTC)))


def _fields(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    if any(not name or not path for name, _, path in pairs):
        raise BadInputError("--field takes name=path, as trace_id=trace.id")
    return {name: path for name, _, path in pairs}
