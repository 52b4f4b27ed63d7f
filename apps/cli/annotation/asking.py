"""Annotation tasks at the terminal: claiming, showing, asking, and storing what people type, redacted."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import get_args

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from apps.cli.annotation.text import visible
from apps.cli.terminal import Terminal
from millrace.annotation.answers import read_answer
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import annotations, queue
from millrace.ledger.annotations import Annotation
from millrace.ledger.tasks import Task, tasks
from millrace.methods.redaction import Redactor
from millrace.records.annotation import AnnotationAnswer, AnnotationTask, AnswerVerdict, ExpectedBehaviour
from tasks.tables import redaction_rules

_SKIP = "skip"


def claim(terminal: Terminal, annotator: str, *, minutes: int, run_id: str | None = None) -> Task | None:
    """The next task, held for the annotator; None when none is left."""
    now = datetime.now(UTC)
    ledger = terminal.existing_home().ledger
    return queue.claim_next(ledger, annotator, now, now + timedelta(minutes=minutes), run_id)


def renew(terminal: Terminal, task: Task, annotator: str, *, minutes: int) -> bool:
    """Hold a task for longer, or take it again where that has ended and nobody else has it; False when it is gone."""
    now = datetime.now(UTC)
    ledger = terminal.home.ledger
    try:
        with ledger.write():
            held = queue.claim_next(ledger, annotator, now, now + timedelta(minutes=minutes), task.run_id)
            if held is None or held.task_id != task.task_id:
                raise _AnotherTaskError
    except _AnotherTaskError:  # the claim of the other task was undone with the transaction
        return False
    return True


class _AnotherTaskError(Exception):
    pass


def screen_fits(terminal: Terminal, *, plain: bool) -> bool:
    """Whether a full screen can be shown: a person at a terminal that can move its cursor, and no wish for prompts."""
    can = os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    return terminal.interactive and can and not plain and sys.stdout.isatty() and sys.stderr.isatty()


def find(terminal: Terminal, name: str) -> Task:
    """The task of that id, or the only one whose id begins so.

    Raises:
        NotFoundError: none.
        BadInputError: several.
    """
    known = tasks(terminal.existing_home().ledger)
    matches = [each for each in known if each.task_id == name] or [
        each for each in known if each.task_id.startswith(name)
    ]
    if not matches:
        raise NotFoundError(f"no annotation task {name!r} in this home", task=name)
    if len(matches) > 1:
        raise BadInputError(f"{len(matches)} tasks begin with {name!r}; give more of the id", task=name)
    return matches[0]


def page(task: Task) -> RenderableType:
    """The task as a person reads it: conversation, passages, answer, and why it is asked."""
    asked = AnnotationTask.model_validate(task.payload)
    turns = [Text.assemble((f"{turn.speaker}: ", "bold"), visible(turn.text)) for turn in asked.history]
    passages = [
        _panel(f"passage {rank}: {each.title or each.context_id}", each.text)
        for rank, each in enumerate(asked.contexts, start=1)
    ]
    head = f"{task.task_id} · {asked.failure_type or 'in order'} · about {asked.estimated_minutes:g} min"
    return Group(
        Text(head, style="bold"),
        Text(visible(f"asked because: {asked.why}")),
        *turns,
        _panel("question", asked.question, border_style="cyan"),
        *passages,
        _panel("answer", asked.answer or "(no answer)", border_style="yellow"),
    )


def _panel(title: str, text: str, border_style: str = "none") -> Panel:
    return Panel(Text(visible(text)), title=escape(visible(title)), title_align="left", border_style=border_style)


def ask(terminal: Terminal, task: Task, annotator: str) -> bool:
    """Ask for an answer until one can be used, and store it; False when the person wants to stop."""
    while True:
        verdict = choose("Verdict", (*get_args(AnswerVerdict), _SKIP, "stop"))
        if verdict == "stop":
            queue.release(terminal.home.ledger, task.task_id, annotator, datetime.now(UTC))
            return False
        if verdict == _SKIP:
            set_aside(terminal, task, annotator, typer.prompt("Reason", err=True))
            return True
        answer = read_answer({"verdict": verdict} | _expectation())
        if isinstance(answer, AnnotationAnswer):
            store(terminal, task, annotator, answer)
            return True
        for problem in answer:
            terminal.say(problem, style="bold red")


def _expectation() -> dict[str, str]:
    behaviour = choose("The application should have", get_args(ExpectedBehaviour))
    expected = typer.prompt("Expected answer", err=True) if behaviour == "answer" else ""
    note = typer.prompt("Note", default="", show_default=False, err=True)
    return {"expected_behaviour": behaviour, "expected_answer": expected, "note": note}


def checked(fields: Mapping[str, object]) -> AnnotationAnswer:
    """The answer that the fields make.

    Raises:
        BadInputError: every problem with them.
    """
    answer = read_answer(fields)
    if isinstance(answer, AnnotationAnswer):
        return answer
    raise BadInputError("; ".join(answer), problems=answer)


def store(terminal: Terminal, task: Task, annotator: str, answer: AnnotationAnswer) -> Annotation:
    """Redact what was typed, then submit it."""
    submitted = redacted(answer).model_dump(mode="json")
    return annotations.submit(terminal.home.ledger, task.task_id, annotator, submitted, datetime.now(UTC))


def redacted(answer: AnnotationAnswer) -> AnnotationAnswer:
    """The answer with what was typed redacted."""
    typed = {name: getattr(answer, name) for name in ("expected_answer", "note")}
    clean = {name: None if text is None else _redactor().redact(text).text for name, text in typed.items()}
    return answer.model_copy(update=clean)


def set_aside(terminal: Terminal, task: Task, annotator: str, reason: str) -> Task:
    """Skip a task; the reason is redacted as well."""
    clean = _redactor().redact(reason).text
    return queue.skip(terminal.home.ledger, task.task_id, annotator, clean, datetime.now(UTC))


@cache
def _redactor() -> Redactor:
    return Redactor(redaction_rules())


def choose(prompt: str, choices: tuple[str, ...]) -> str:
    """One of the choices, by name or by the beginning that only it has."""
    while True:
        typed: str = typer.prompt(f"{prompt} ({', '.join(choices)})", err=True)
        matches = [each for each in choices if each == typed] or [each for each in choices if each.startswith(typed)]
        if len(matches) == 1:
            return matches[0]
