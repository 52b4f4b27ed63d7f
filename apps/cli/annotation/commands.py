"""``millrace annotate``: answering annotation tasks, seeing how they stand, and settling what annotators differ in."""

from typing import Annotated

import typer

from apps.cli.annotation import exchange, overview
from apps.cli.annotation.options import (
    AnnotatorOption,
    AnswerOption,
    NoteOption,
    RunOption,
    SupportOption,
    TaskArgument,
    answer_fields,
    name_of,
    run_id_of,
)
from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, markdown


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Answer annotation tasks.", no_args_is_help=True, rich_markup_mode=None)
    command(group, "next")(next_task)
    for body in (submit, skip, release):
        command(group)(body)
    overview.register(group)
    command(group)(adjudicate)
    command(group)(guidelines)
    exchange.register(group)
    app.add_typer(group, name="annotate")


def next_task(
    terminal: Terminal,
    annotator: AnnotatorOption = None,
    run: RunOption = None,
    minutes: Annotated[int, typer.Option(min=1, help="How long the task is held for you.")] = 30,
    all_: Annotated[bool, typer.Option("--all", help="Go on until no task is left.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Ask line by line instead of on a full screen.")] = False,
) -> int | None:
    """Claim the next task and show it; on a terminal, ask for the answer too."""
    from apps.cli.annotation import asking

    name = name_of(annotator)
    run_id = run_id_of(terminal, run)
    if asking.screen_fits(terminal, plain=plain):
        from apps.cli.annotation import screen

        return screen.run(terminal, name, minutes, run_id, once=not all_)
    while True:
        task = asking.claim(terminal, name, minutes=minutes, run_id=run_id)
        if task is None:
            terminal.show({"task": None}, lines("no task is waiting"))
            return None
        if not terminal.interactive:
            how = f"answer with `millrace annotate submit {task.task_id} --annotator {name} --verdict ...`"
            terminal.show({"task": task}, asking.page(task), lines(how))
            return None
        terminal.out.print(asking.page(task))
        if not asking.ask(terminal, task, name) or not all_:
            return None


def submit(
    terminal: Terminal,
    task: TaskArgument,
    verdict: Annotated[str, typer.Option(help="ok, or the failure type.")],
    behaviour: Annotated[str, typer.Option(help="What was expected: answer, abstain or block.")],
    answer: AnswerOption = None,
    support: SupportOption = None,
    note: NoteOption = None,
    annotator: AnnotatorOption = None,
) -> None:
    """Answer a task; another answer of yours replaces the earlier one."""
    from apps.cli.annotation import asking

    found = asking.find(terminal, task)
    given = asking.checked(answer_fields(verdict, behaviour, answer, support, note))
    annotation = asking.store(terminal, found, name_of(annotator), given)
    now = asking.find(terminal, found.task_id)
    wanted = "" if now.status == "completed" else f"; {now.n_answers} of the {now.n_annotators} answers wanted are in"
    stored = f"stored the answer of {annotation.annotator} to {found.task_id}{wanted}"
    terminal.show({"annotation": annotation}, lines(stored))


def skip(
    terminal: Terminal,
    task: TaskArgument,
    reason: Annotated[str, typer.Option(help="Why nobody can answer it.")],
    annotator: AnnotatorOption = None,
) -> None:
    """Put a task aside for everybody; it can still be answered later."""
    from apps.cli.annotation import asking

    found = asking.find(terminal, task)
    skipped = asking.set_aside(terminal, found, name_of(annotator), reason)
    terminal.show({"task": skipped}, lines(f"skipped {skipped.task_id}"))


def release(terminal: Terminal, task: TaskArgument, annotator: AnnotatorOption = None) -> None:
    """Give back a task that you claimed, for somebody else."""
    from datetime import UTC, datetime

    from apps.cli.annotation import asking
    from millrace.ledger import queue

    found = asking.find(terminal, task)
    name = name_of(annotator)
    held = name in {claim.annotator for claim in found.claims}
    given_back = queue.release(terminal.home.ledger, found.task_id, name, datetime.now(UTC))
    said = f"gave back {found.task_id}" if held else f"{name} does not hold {found.task_id}"
    terminal.show({"task": given_back, "released": held}, lines(said))


def adjudicate(
    terminal: Terminal,
    task: Annotated[str | None, typer.Argument(help="Task id, or the beginning of one; none lists them.")] = None,
    take: Annotated[str | None, typer.Option(help="Name of the annotator whose answer counts.")] = None,
    verdict: Annotated[str | None, typer.Option(help="ok, or the failure type.")] = None,
    behaviour: Annotated[str | None, typer.Option(help="What was expected: answer, abstain or block.")] = None,
    answer: AnswerOption = None,
    support: SupportOption = None,
    note: NoteOption = None,
    annotator: AnnotatorOption = None,
    run: RunOption = None,
    all_: Annotated[bool, typer.Option("--all", help="List those that are settled, too.")] = False,
) -> None:
    """Settle tasks on which annotators differ: list them, see one with all answers, give the answer that counts."""
    from apps.cli.annotation.adjudicating import list_differing, refuse_answer, settle, show_and_ask

    given = answer_fields(verdict, behaviour, answer, support, note)
    if task is None:
        refuse_answer(take, given)
        list_differing(terminal, run_id_of(terminal, run), settled_too=all_)
    elif take is None and not given:
        show_and_ask(terminal, task, name_of(annotator))
    else:
        settle(terminal, task, name_of(annotator), take, given)


def guidelines(terminal: Terminal) -> None:
    """Show what each verdict means, and how to answer."""
    from importlib.resources import files

    text = (files("configs") / "guidelines.md").read_text(encoding="utf-8")
    terminal.show({"guidelines": text}, markdown(text))
