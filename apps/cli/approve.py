"""``millrace approve``: shows a run's question, takes a person's decision to where the run waits for it."""

from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, markdown

_DECISIONS = ("approve", "reject", "extend")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(approve)


def approve(
    terminal: Terminal,
    run: Annotated[str, typer.Argument(help="Run id, the beginning of one, or `latest`: the latest that asks.")],
    decision: Annotated[str | None, typer.Option(help="approve, reject or extend; asked when left out.")] = None,
    reviewer: Annotated[
        str | None, typer.Option(help="Your name; your key signs when it is here. Default: the only key here.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="What `millrace code` printed where your key lies.")] = None,
    note: Annotated[str | None, typer.Option(help="Why; kept with the decision.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="When no process waits, continue the run here.")] = False,
) -> int | None:
    """Decide on what a waiting run proposes."""
    from apps.cli.deciding import Answer, open_question, proof_of, take

    question = open_question(terminal, run)
    if decision is None and not terminal.as_json:
        terminal.out.print(markdown(question.approval.markdown))
    decided = _given(terminal, "decision", decision, f"Decision ({', '.join(_DECISIONS)})")
    proof = proof_of(terminal, question, decided, reviewer, code)
    answer = Answer(
        decision=decided,
        reviewer=_given(terminal, "reviewer", proof.reviewer, "Your name"),
        note=_note(terminal, note, asked=decision is None),
        code=proof.code,
    )
    taken = take(terminal, question, answer)
    if resume and taken.to_resume:
        from apps.cli.resuming import resume_run

        terminal.say(taken.message)
        return resume_run(terminal, question.run)
    terminal.show(taken.document, lines(taken.message))
    return None


def _given(terminal: Terminal, option: str, value: str | None, prompt: str) -> str:
    from millrace.errors import BadInputError

    if value is not None:
        return value.strip()
    if not terminal.interactive:
        raise BadInputError(f"nobody can be asked here: give --{option}", option=option)
    answer: str = typer.prompt(prompt, err=True)
    return answer.strip()


def _note(terminal: Terminal, note: str | None, *, asked: bool) -> str:
    if note is not None or not (asked and terminal.interactive):
        return note or ""
    answer: str = typer.prompt("Note", default="", show_default=False, err=True)
    return answer.strip()
