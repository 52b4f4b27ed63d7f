"""Settling tasks on which annotators differ: the list, all answers side by side, and taking the one that counts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import get_args

import typer
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from apps.cli.annotation import asking, standing
from apps.cli.annotation.text import visible
from apps.cli.terminal import Terminal, lines, table
from millrace.annotation.answers import read_answer
from millrace.annotation.disagreement import JUDGED_FIELDS, TaskOpinions
from millrace.errors import BadInputError
from millrace.ledger import annotations
from millrace.ledger.annotations import Annotation as SubmittedAnswer
from millrace.ledger.tasks import Task, tasks
from millrace.records.annotation import (
    Annotation,
    AnnotationAnswer,
    AnnotationTask,
    AnswerSupport,
    AnswerVerdict,
    ExpectedBehaviour,
)

_NOT_JUDGED = "not judged"
_FIELDS = (*JUDGED_FIELDS, "expected_answer", "note")


def refuse_answer(take: str | None, given: Mapping[str, object]) -> None:
    """Refuse an answer to no task.

    Raises:
        BadInputError: there is one.
    """
    if take is not None or given:
        raise BadInputError("name the task that this answer settles: `millrace annotate adjudicate TASK ...`")


def list_differing(terminal: Terminal, run_id: str | None, *, settled_too: bool) -> None:
    """Show the tasks to settle."""
    with terminal.working("reading the answers"):
        found = standing.differing(standing.answers_to_complete(terminal, run_id), settled_too=settled_too)
        asked = {task.task_id: task for task in tasks(terminal.existing_home().ledger, run_id, "completed")}
    head = ["task", "differ in", "answers", "settled by", "question"]
    rows = [_row(each, asked[each.task_id]) for each in found]
    how = "see one with `millrace annotate adjudicate TASK`" if rows else "nothing to settle"
    terminal.show(
        {"disagreements": [document(each) for each in found]}, *([table(head, rows)] if rows else []), lines(how)
    )


def show_and_ask(terminal: Terminal, name: str, annotator: str) -> None:
    """Show the task with all answers; on a terminal, ask which one counts."""
    task = asking.find(terminal, name)
    found = standing.opinions_on(terminal, task)
    if not terminal.interactive:
        how = f"settle it with `millrace annotate adjudicate {task.task_id} --take NAME`, or --verdict and --behaviour"
        terminal.show({"task": task} | document(found), asking.page(task), sides(found), lines(how))
        return
    _refuse_agreed(found)
    terminal.out.print(asking.page(task))
    terminal.out.print(sides(found))
    answer = _asked(terminal, found)
    if answer is not None:
        _store(terminal, task, annotator, answer)
        terminal.say(f"settled {task.task_id}")


def settle(terminal: Terminal, name: str, annotator: str, take: str | None, given: Mapping[str, object]) -> None:
    """Store the answer that counts: one of the annotators', or one's own.

    Raises:
        BadInputError: annotators agree; nobody of that name answered; an answer beside a taken one; or a bad answer.
    """
    task = asking.find(terminal, name)
    found = standing.opinions_on(terminal, task)
    _refuse_agreed(found)
    answer = asking.checked(given) if take is None else _taken(found, take, given)
    stored = _store(terminal, task, annotator, answer)
    terminal.show({"annotation": stored}, lines(f"{task.task_id}: {standing.told(stored)}"))


def sides(found: TaskOpinions) -> RenderableType:
    """All answers side by side; what differs is marked."""
    shown = [_side(each, found) for each in found.answers]
    settled = [] if found.adjudication is None else [_side(found.adjudication, found, "settled by ")]
    what = ", ".join(found.differs_in) or "nothing"
    return Group(Text(f"annotators differ in: {what}", style="bold"), Columns([*shown, *settled], equal=True))


def document(found: TaskOpinions) -> dict[str, object]:
    """What stands about a task, for programs."""
    return found.model_dump(mode="json") | {
        "differs_in": found.differs_in,
        "settled": found.settled,
        "wants_adjudication": found.wants_adjudication,
    }


def _side(annotation: Annotation, found: TaskOpinions, role: str = "") -> Panel:
    text = Text()
    for name in _FIELDS:
        value = getattr(annotation, name)
        if value is None and name not in found.differs_in:
            continue
        style = "bold yellow" if name in found.differs_in else ""
        text.append(f"{name.replace('_', ' ')}: ", style="dim").append(
            f"{visible(value or _NOT_JUDGED)}\n", style=style
        )
    return Panel(text, title=escape(visible(role + annotation.annotator)), title_align="left")


def _row(found: TaskOpinions, task: Task) -> tuple[str, ...]:
    asked = AnnotationTask.model_validate(task.payload)
    said = "\n".join(f"{each.annotator}: {each.verdict}, {each.expected_behaviour}" for each in found.answers)
    by = "" if found.adjudication is None else found.adjudication.annotator
    again = " (answered anew since)" if by and found.wants_adjudication else ""
    return found.task_id, ", ".join(found.differs_in), said, by + again, standing.short(asked.question)


def _refuse_agreed(found: TaskOpinions) -> None:
    if not found.differs_in and not found.wants_adjudication:
        raise BadInputError(f"annotators agree on task {found.task_id}: nothing to settle", task_id=found.task_id)


def _taken(found: TaskOpinions, name: str, given: Mapping[str, object]) -> AnnotationAnswer:
    if set(given) - {"note"}:
        raise BadInputError("--take uses an annotator's answer as it is; leave out the options of an answer but --note")
    by_name = {each.annotator: each for each in found.answers}
    if name not in by_name:
        raise BadInputError(f"{name} did not answer {found.task_id}; take one of {', '.join(by_name)}", take=name)
    return asking.checked(_fields(by_name[name]) | dict(given))


def _fields(annotation: Annotation) -> dict[str, object]:
    return annotation.model_dump(include=set(AnnotationAnswer.model_fields))


def _asked(terminal: Terminal, found: TaskOpinions) -> AnnotationAnswer | None:
    """The answer that counts; None when the person leaves it."""
    by_number = {str(number): each for number, each in enumerate(found.answers, start=1)}
    for number, each in by_number.items():
        terminal.say(f"{number} takes the answer of {each.annotator}")
    chosen = asking.choose("Which answer counts", (*by_number, "own", "stop"))
    if chosen in by_number:
        return asking.checked(_fields(by_number[chosen]))
    while chosen == "own":
        answer = read_answer(_own())
        if isinstance(answer, AnnotationAnswer):
            return answer
        for problem in answer:
            terminal.say(problem, style="bold red")
    return None


def _own() -> dict[str, object]:
    verdict = asking.choose("Verdict", get_args(AnswerVerdict))
    behaviour = asking.choose("The application should have", get_args(ExpectedBehaviour))
    expected = typer.prompt("Expected answer", err=True) if behaviour == "answer" else ""
    support = asking.choose("The passages support of the given answer", (*get_args(AnswerSupport), "unknown"))
    note = typer.prompt("Note", default="", show_default=False, err=True)
    fields = {"verdict": verdict, "expected_behaviour": behaviour, "expected_answer": expected, "note": note}
    return fields | {"support": None if support == "unknown" else support}


def _store(terminal: Terminal, task: Task, annotator: str, answer: AnnotationAnswer) -> SubmittedAnswer:
    submitted = asking.redacted(answer).model_dump(mode="json")
    return annotations.adjudicate(terminal.home.ledger, task.task_id, annotator, submitted, datetime.now(UTC))
