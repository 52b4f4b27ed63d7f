"""``millrace evals``: the regression evals of a golden dataset, as a folder to run."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(evals)


def evals(
    terminal: Terminal,
    out: Annotated[Path, typer.Option("--out", help="Folder to write; it must not hold other files.")],
    name: Annotated[str, typer.Argument(help="Which golden dataset.")] = "main",
    version: Annotated[str | None, typer.Option("--version", help="Default: the active one.")] = None,
) -> None:
    """Export the DeepEval and promptfoo suites of a golden version; only rows of the split eval are in them."""
    from apps.cli.golden_versions import export_evals, find_version

    found = find_version(terminal.existing_home(), name, version)
    with terminal.working("writing the suites"):
        exported = export_evals(terminal.home, found, out)
    told = [f"{name} {found.version}: {exported.n_cases} eval cases in {out}", f"{out}/README.md says how to run them"]
    if not exported.has_coverage:
        told.append("no coverage: no weekly run has published this version's evals")
    terminal.show({"name": name, "version": found.version, "out": str(out), **exported.model_dump()}, lines(*told))
