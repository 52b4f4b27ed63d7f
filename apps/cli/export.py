"""``millrace export``: what is stored as files that other tools read."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines


class Form(StrEnum):
    """Whose form the file has; ``jsonl`` is Millrace's own."""

    OTLP = "otlp"
    LANGFUSE = "langfuse"
    JSONL = "jsonl"


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Take data out.", no_args_is_help=True, rich_markup_mode=None)
    command(group, "traces")(export_traces)
    command(group, "embeddings")(export_embeddings)
    app.add_typer(group, name="export")


def export_traces(
    terminal: Terminal,
    out: Annotated[Path, typer.Option("--out", help="File to write: one JSON document a line. It must not exist.")],
    form: Annotated[
        Form, typer.Option("--format", help="OpenTelemetry, Langfuse, or Millrace's own form.")
    ] = Form.JSONL,
    run: Annotated[str | None, typer.Option("--run", help="Traces of this run: its id, or `latest`.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="A dataset of traces: kind:hash, or its hash.")
    ] = None,
) -> None:
    """Write stored traces, redacted as they are, with their timings and costs."""
    from apps.cli.trace_files import find_dataset, traces_of_run, write_traces
    from millrace.errors import BadInputError

    if (run is None) == (dataset is None):
        raise BadInputError("give --run or --dataset, one of them")
    home = terminal.existing_home()
    refs = traces_of_run(home, run) if run is not None else [find_dataset(home, str(dataset))]
    with terminal.working("writing traces"):
        n_traces = write_traces(home, refs, form.value, out)
    document = {"format": form.value, "file": str(out), "n_traces": n_traces, "datasets": [ref.name for ref in refs]}
    terminal.show(document, lines(f"wrote {n_traces} traces to {out}"))


def export_embeddings(
    terminal: Terminal,
    out: Annotated[Path, typer.Option("--out", help="Folder to write; empty, or not there yet.")],
    run: Annotated[str, typer.Option("--run", help="A run of daily-eval: its id, or `latest`.")] = "latest",
) -> None:
    """Write a day's questions with their vectors for Arize Phoenix: a Parquet table, and what its columns are."""
    from apps.cli.embedding_files import write_embeddings

    with terminal.working("writing embeddings"):
        n_questions = write_embeddings(terminal.existing_home(), run, out)
    terminal.show({"folder": str(out), "n_questions": n_questions}, lines(f"wrote {n_questions} questions to {out}"))
