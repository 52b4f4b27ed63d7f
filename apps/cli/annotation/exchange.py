"""``millrace annotate export`` and ``import``: tasks to other annotation tools, and answers back (A30)."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from apps.cli.annotation.importing import Imported
    from millrace.annotation.exchange import RefusedAnswer
    from millrace.ledger.tasks import Task

_SHOWN = 20  # skipped answers in the table; all are in the document


class Tool(StrEnum):
    """An annotation tool."""

    ARGILLA = "argilla"
    LABEL_STUDIO = "label-studio"


class Which(StrEnum):
    """Which tasks: those that still want answers, or all."""

    OPEN = "open"
    ALL = "all"


FormatOption = Annotated[Tool, typer.Option("--format", help="The other tool.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    command(group, "export")(export_tasks)
    command(group, "import")(import_answers)


def export_tasks(
    terminal: Terminal,
    format_: FormatOption,
    out: Annotated[Path, typer.Option(help="Folder to write to; made where it is not there.")],
    run: Annotated[str | None, typer.Option("--run", help="Only tasks of this run.")] = None,
    status: Annotated[Which, typer.Option(help="Tasks that still want answers, or all.")] = Which.OPEN,
) -> None:
    """Write tasks for Argilla or Label Studio, with what is needed to load them there."""
    from apps.cli.annotation.files import guidelines_text, write_files
    from apps.cli.run_names import find_run
    from millrace.annotation import argilla, label_studio
    from millrace.ledger import tasks as ledger_tasks
    from millrace.records.annotation import AnnotationTask

    ledger = terminal.existing_home().ledger
    run_id = None if run is None else find_run(ledger, run).run_id
    chosen = [task for task in ledger_tasks.tasks(ledger, run_id) if status is Which.ALL or _is_open(task)]
    make = argilla.export_files if format_ is Tool.ARGILLA else label_studio.export_files
    written = write_files(
        out, make([AnnotationTask.model_validate(task.payload) for task in chosen], guidelines_text())
    )
    document = {"format": format_.value, "folder": str(out), "n_tasks": len(chosen), "files": written}
    terminal.show(document, lines(f"wrote {len(chosen)} tasks to {out}; {out / 'README.md'} says how to load them"))


def import_answers(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help="What the tool exported: JSON, or JSON lines.")],
    format_: FormatOption,
    users: Annotated[Path | None, typer.Option(help="JSON object: names by the tool's user ids.")] = None,
) -> None:
    """Bring answers back; what cannot be taken is counted and named, the rest is stored, redacted."""
    from apps.cli.annotation.files import read_users
    from apps.cli.annotation.importing import take_in
    from millrace.annotation import argilla, label_studio

    terminal.existing_home()
    read = argilla.read_row if format_ is Tool.ARGILLA else label_studio.read_row
    done = take_in(terminal, file, read, read_users(users))
    terminal.show({"format": format_.value} | done.document, lines(_summary(done)))
    if done.skipped and not terminal.as_json:
        rows = [_row(each) for each in done.skipped[:_SHOWN]]
        more = f" (the first {_SHOWN}; --json lists all)" if len(done.skipped) > _SHOWN else ""
        terminal.show({}, table(["row#", "task", "annotator", "reason", "message"], rows, title=f"Not taken{more}"))


def _row(refused: "RefusedAnswer") -> list[str]:
    from apps.cli.annotation.text import visible

    cells = (refused.place, refused.task_id or "", refused.annotator or "", refused.reason, refused.message)
    return [visible(str(cell)) for cell in cells]


def _summary(done: "Imported") -> str:
    return (
        f"{done.n_rows} rows: {len(done.stored)} answers stored, {done.n_unchanged} known already, "
        f"{len(done.skipped)} not taken, {done.n_unanswered} tasks without an answer"
    )


def _is_open(task: "Task") -> bool:
    return task.status in ("pending", "claimed")
