"""``millrace annotate``: answering annotation tasks in the terminal."""

import getpass
from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

AnnotatorOption = Annotated[str | None, typer.Option(help="Your name; default the system's user name.")]
RunOption = Annotated[str | None, typer.Option("--run", help="Only tasks of this run.")]
TaskArgument = Annotated[str, typer.Argument(help="Task id, or the beginning of one.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Answer annotation tasks.", no_args_is_help=True, rich_markup_mode=None)
    command(group, "next")(next_task)
    command(group)(submit)
    command(group)(skip)
    command(group)(status)
    app.add_typer(group, name="annotate")


def next_task(
    terminal: Terminal,
    annotator: AnnotatorOption = None,
    run: RunOption = None,
    minutes: Annotated[int, typer.Option(min=1, help="How long the task is held for you.")] = 30,
    all_: Annotated[bool, typer.Option("--all", help="Go on until no task is left.")] = False,
) -> None:
    """Claim the next task and show it; on a terminal, ask for the answer too."""
    from apps.cli import asking

    name = annotator or getpass.getuser()
    run_id = _run_id(terminal, run)
    while True:
        task = asking.claim(terminal, name, minutes=minutes, run_id=run_id)
        if task is None:
            terminal.show({"task": None}, lines("no task is waiting"))
            return
        if not terminal.interactive:
            how = f"answer with `millrace annotate submit {task.task_id} --annotator {name} --verdict ...`"
            terminal.show({"task": task}, asking.page(task), lines(how))
            return
        terminal.out.print(asking.page(task))
        if not asking.ask(terminal, task, name) or not all_:
            return


def submit(
    terminal: Terminal,
    task: TaskArgument,
    verdict: Annotated[str, typer.Option(help="ok, or the failure type.")],
    behaviour: Annotated[str, typer.Option(help="What was expected: answer, abstain or block.")],
    answer: Annotated[str | None, typer.Option(help="The expected answer, for `answer` only.")] = None,
    note: Annotated[str | None, typer.Option(help="Anything else.")] = None,
    annotator: AnnotatorOption = None,
) -> None:
    """Answer a task; another answer of yours replaces the earlier one."""
    from apps.cli import asking

    fields = {"verdict": verdict, "expected_behaviour": behaviour, "expected_answer": answer, "note": note}
    given = {name: value for name, value in fields.items() if value is not None}
    found = asking.find(terminal, task)
    annotation = asking.store(terminal, found, annotator or getpass.getuser(), asking.checked(given))
    terminal.show({"annotation": annotation}, lines(f"stored the answer of {annotation.annotator} to {found.task_id}"))


def skip(
    terminal: Terminal,
    task: TaskArgument,
    reason: Annotated[str, typer.Option(help="Why nobody can answer it.")],
    annotator: AnnotatorOption = None,
) -> None:
    """Put a task aside; it can still be answered later."""
    from apps.cli import asking

    found = asking.find(terminal, task)
    skipped = asking.set_aside(terminal, found, annotator or getpass.getuser(), reason)
    terminal.show({"task": skipped}, lines(f"skipped {skipped.task_id}"))


def status(terminal: Terminal, run: RunOption = None) -> None:
    """Count the tasks by status."""
    from millrace.ledger.tasks import counts

    run_id = _run_id(terminal, run)
    found = counts(terminal.existing_home().ledger, run_id)
    document = {"run_id": run_id, "open": found.open} | found.model_dump()
    terminal.show(document, table(["status", "tasks#"], list(found.model_dump().items())))


def _run_id(terminal: Terminal, run: str | None) -> str | None:
    from apps.cli.run_names import find_run

    return None if run is None else find_run(terminal.existing_home().ledger, run).run_id
