"""``millrace report``: the reports a run wrote."""

from pathlib import Path
from typing import Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, markdown

_FORMS = ("markdown", "html", "json_file")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(report)


def report(
    terminal: Terminal,
    run: Annotated[str, typer.Argument(help="Run id, the beginning of one, or `latest`.")],
    html: Annotated[bool, typer.Option("--html", help="Print the path of the HTML page instead.")] = False,
) -> None:
    """Show the report of a run."""
    from apps.cli.run_names import find_run
    from apps.cli.runs import receipts_of
    from millrace.errors import NotFoundError

    found = find_run(terminal.existing_home().ledger, run)
    reports = [paths for each in receipts_of(terminal, found.run_id) if (paths := _paths(each.output))]
    if not reports:
        raise NotFoundError(f"run {found.run_id} ({found.status}) wrote no report", run_id=found.run_id)
    missing = [path for paths in reports for path in paths.values() if not Path(path).is_file()]
    if missing:
        raise NotFoundError(f"the report is not there any more: {', '.join(missing)}", files=missing)
    shown = [lines(paths["html"]) if html else markdown(Path(paths["markdown"]).read_text()) for paths in reports]
    terminal.show({"run_id": found.run_id, "reports": reports}, *shown)


def _paths(output: Any) -> dict[str, str] | None:
    """The paths of a report, when that is what a step gave out."""
    if not isinstance(output, dict) or not {"markdown", "html"} <= output.keys():
        return None
    return {form: str(output[form]) for form in _FORMS if form in output}
