"""``millrace plan``: what a flow would work on, how long that takes, and what it costs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.environment import prepare
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from apps.cli.planning import Plan


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(plan)


def plan(
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
) -> None:
    """Estimate a run without starting it."""
    prepare(terminal.root)
    with terminal.working(f"planning {flow}"):
        from apps.cli.flow_catalogue import load_flow, read_config
        from apps.cli.planning import plan_flow

        loaded = load_flow(flow)
        planned = plan_flow(terminal.home, flow, read_config(loaded, config, set_ or ()))
    terminal.show(planned.model_dump(mode="json"), *_human(planned))


def _human(planned: "Plan") -> list[Any]:
    rows = [(each.step, f"{each.rows_per_s:,.0f}", f"{each.expected_s:.1f}", each.basis) for each in planned.steps]
    return [
        lines(f"{planned.flow}: {planned.n_rows} {planned.unit}, {planned.n_parts} parts"),
        table(["step", "rows/s#", "expected s#", "basis"], rows),
        lines(
            f"expected: {planned.expected_s:.0f} s, when nothing comes from a cache",
            f"cost: {planned.cost_usd:.2f} USD; {planned.cost_reason}",
        ),
    ]
