"""``millrace run`` and ``millrace resume``: a flow in this process."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.environment import prepare
from apps.cli.terminal import Terminal, lines


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app)(run)
    command(app)(resume)


def run(
    terminal: Terminal,
    flow: Annotated[
        str,
        typer.Argument(
            help="import-traces, import-feedback, ingest-documents, answer-questions, daily-eval, weekly-flywheel, "
            "distill, acceptance, audit, replay, release-freeze, erase-user or enforce-retention."
        ),
    ],
    config: Annotated[Path | None, typer.Option(help="Settings as YAML; default configs/<flow>.yaml.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the settings; repeatable.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Name of the run; made up when left out.")] = None,
) -> int:
    """Run a flow here. It may wait for a person: decide with `millrace approve`."""
    prepare(terminal.root)
    with terminal.working(f"loading {flow}"):
        from apps.cli.flow_catalogue import load_flow, read_config
        from apps.cli.flow_runs import call_flow, new_run_id

        loaded = load_flow(flow)
    settings = read_config(loaded, config, set_ or ())
    return call_flow(terminal, loaded, settings, run_id or new_run_id(flow, datetime.now(UTC)))


def resume(
    terminal: Terminal,
    run: Annotated[str, typer.Argument(help="Run id, the beginning of one, or `latest`.")],
) -> int | None:
    """Continue a run that crashed, failed, or was left waiting, from what it had finished."""
    from apps.cli.resuming import resume_run
    from apps.cli.run_names import ended, find_run

    found = find_run(terminal.existing_home().ledger, run)
    if ended(found) and found.status != "failed":
        nothing = f"run {found.run_id} is {found.status}; there is nothing to resume"
        terminal.show({"run_id": found.run_id, "status": found.status, "resumed": False}, lines(nothing))
        return None
    return resume_run(terminal, found)
