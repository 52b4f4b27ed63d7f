"""The ``millrace`` command line."""

import json
import sys

import typer

from apps.cli import (
    alerts,
    approve,
    ask,
    audit,
    backup,
    calibration,
    code,
    doctor,
    erase,
    evals,
    explain,
    export,
    gate,
    gc,
    golden,
    hold,
    imports,
    plan,
    release,
    report,
    restore,
    reviewer,
    rows,
    run,
    runs,
    schema,
    trace_back,
    up,
    verify,
)
from apps.cli.annotation import commands as annotate
from apps.cli.command import command
from apps.cli.terminal import Terminal

_EPILOG = (
    "Exit codes: 0 done; 1 a finding (a difference, a failed or rejected run); 2 usage or bad input; "
    "3 a service is unavailable; 4 a run waits for a person; 130 interrupted."
)

app = typer.Typer(
    name="millrace",
    help="Turns an application's traces into evaluated knowledge.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # rich's help takes twice as long to show
)


def demo(
    terminal: Terminal,
    yes: bool = typer.Option(False, "--yes", help="Ask nothing: use the bundled answer key, and approve."),
) -> int | None:
    """Turn the whole wheel once, on Millrace's own guide and bundled questions."""
    from apps.cli.demo import demo_command

    return demo_command(terminal, yes=yes)


command(app)(demo)
for module in (
    up,
    run,
    plan,
    ask,
    imports,
    runs,
    report,
    rows,
    alerts,
    gate,
    annotate,
    approve,
    code,
    reviewer,
    golden,
    evals,
    explain,
    export,
    calibration,
    schema,
    verify,
    trace_back,
    release,
    audit,
    hold,
    erase,
    gc,
    backup,
    restore,
    doctor,
):
    module.register(app)


def main() -> None:
    """Entry point; usage errors too become a document when ``--json`` was given."""
    if "--json" not in sys.argv:
        app()
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        document = {"error": {"type": "UsageError", "message": error.format_message(), "details": {}}}
        sys.stdout.write(json.dumps(document) + "\n")
        code = error.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
