"""What the ledger says about tasks, annotators and their answers, as the commands of ``millrace annotate`` show it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from pydantic import ValidationError

from apps.cli.annotation.text import visible
from apps.cli.terminal import Terminal
from millrace.annotation.answers import annotation_of
from millrace.annotation.disagreement import TaskOpinions, opinions
from millrace.errors import BadInputError
from millrace.ledger.annotations import Annotation as SubmittedAnswer
from millrace.ledger.annotations import annotations_for, answer_history
from millrace.ledger.queue import tasks_for
from millrace.ledger.schema import TaskStatus
from millrace.ledger.tasks import Claim, Task, TaskEvent, task_history, tasks
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.base import Record

_OPEN = ("pending", "claimed")
_QUESTION_CHARACTERS = 60
_STATUSES = (*get_args(TaskStatus), "open", "all")


class Work(Record):
    """What one person did, and holds now."""

    annotator: str
    answers: int
    skipped: int
    adjudicated: int
    holds: int


class ListedTask(Record):
    """A task in a list: how it stands, and what it is about."""

    task_id: str
    run_id: str
    status: TaskStatus
    n_answers: int
    n_annotators: int
    claims: list[Claim]
    failure_type: str | None
    group_id: str | None
    group_label: str | None
    estimated_minutes: float
    question: str

    def row(self) -> tuple[str, ...]:
        """Task, status, answers, holders, what triage says, minutes and question, for a table."""
        answers, holders = f"{self.n_answers}/{self.n_annotators}", ", ".join(each.annotator for each in self.claims)
        minutes = f"{self.estimated_minutes:g}"
        return self.task_id, self.status, answers, holders, self.failure_type or "ok", minutes, short(self.question)

    def matches(self, failure_type: str | None, group: str | None) -> bool:
        """Whether triage calls it so, and whether its group has that id or those words in its label."""
        if failure_type is not None and failure_type != (self.failure_type or "ok"):
            return False
        return group is None or group == self.group_id or group.casefold() in (self.group_label or "").casefold()


def chosen_tasks(terminal: Terminal, run_id: str | None, status: str, annotator: str | None) -> list[ListedTask]:
    """The tasks of that status, ``open`` and ``all`` among them; with an annotator, those open to them.

    Raises:
        BadInputError: no such status.
    """
    if status not in _STATUSES:
        raise BadInputError(f"no status {status!r}; use one of {', '.join(_STATUSES)}", status=status)
    ledger = terminal.existing_home().ledger
    if annotator is not None:
        found = tasks_for(ledger, annotator, datetime.now(UTC), run_id)
        status = "all" if status == "open" else status
    else:
        found = tasks(ledger, run_id)
    wanted = {"open": _OPEN, "all": get_args(TaskStatus)}.get(status, (status,))
    return [_listed(task) for task in found if task.status in wanted]


def work_of_annotators(terminal: Terminal, run_id: str | None) -> list[Work]:
    """Everybody who answered, skipped, settled or holds a task, by name; answers that were replaced are not counted."""
    ledger, now = terminal.existing_home().ledger, datetime.now(UTC)
    known = {task.task_id: task for task in tasks(ledger, run_id)}
    given = annotations_for(ledger, known)
    counted = {
        "answers": Counter(each.annotator for each in given if not each.adjudicates),
        "skipped": Counter(
            each.actor for each in task_history(ledger) if each.event == "skipped" and each.task_id in known
        ),
        "adjudicated": Counter(each.annotator for each in given if each.adjudicates),
        "holds": Counter(claim.annotator for task in known.values() for claim in task.claims if claim.expires_at > now),
    }
    names = sorted({name for counter in counted.values() for name in counter})
    return [Work(annotator=name, **{what: counter[name] for what, counter in counted.items()}) for name in names]


def answers_to_complete(terminal: Terminal, run_id: str | None) -> list[Annotation]:
    """What stands about complete tasks with several answers; an answer that cannot be read is told and left out."""
    ledger = terminal.existing_home().ledger
    shared = {task.task_id: task for task in tasks(ledger, run_id, "completed") if task.n_answers > 1}
    found = []
    for submitted in annotations_for(ledger, shared):
        try:
            asked = AnnotationTask.model_validate(shared[submitted.task_id].payload)
            found.append(annotation_of(submitted, asked))
        except (BadInputError, ValidationError) as error:
            terminal.say(f"left out: {error}", style="yellow")
    return found


def differing(annotations: Sequence[Annotation], *, settled_too: bool = False) -> list[TaskOpinions]:
    """The tasks that somebody should settle; with ``settled_too`` also those that somebody settled."""
    found = opinions(annotations)
    return [each for each in found if each.wants_adjudication or (settled_too and each.differs_in)]


def opinions_on(terminal: Terminal, task: Task) -> TaskOpinions:
    """The answers to one task, whoever gave them.

    Raises:
        BadInputError: the task still wants answers, so nobody should see them yet; or one cannot be read.
    """
    if task.status != "completed":
        raise BadInputError(
            f"task {task.task_id} has {task.n_answers} of the {task.n_annotators} answers that it wants; "
            "it can be settled when all are in",
            task_id=task.task_id,
        )
    asked = AnnotationTask.model_validate(task.payload)
    given = annotations_for(terminal.existing_home().ledger, [task.task_id])
    (found,) = opinions(annotation_of(each, asked) for each in given)
    return found


def current_answers(terminal: Terminal, task: Task, viewer: str) -> list[SubmittedAnswer]:
    """The answers that stand and that the viewer may see."""
    ledger = terminal.existing_home().ledger
    seen = {each.annotation_id for each in answer_history(ledger, task.task_id, seen_by=viewer)}
    return [each for each in annotations_for(ledger, [task.task_id]) if each.annotation_id in seen]


def short(text: str) -> str:
    """The text on one line, cut where it is long."""
    flat = visible(" ".join(text.split()))
    return flat if len(flat) <= _QUESTION_CHARACTERS else flat[: _QUESTION_CHARACTERS - 1] + "…"


def told(submitted: SubmittedAnswer) -> str:
    """Who answered what, on one line."""
    role = "settled it with" if submitted.adjudicates else "answered"
    return f"{submitted.annotator} {role} {_summary(submitted.answer)}"


def detail_of(event: TaskEvent, seen: Mapping[str, SubmittedAnswer]) -> str:
    """What is worth telling of an event; of an answer only what is among those that may be seen."""
    if "annotation_id" in event.details:
        answer = seen.get(event.details["annotation_id"])
        return "(hidden)" if answer is None else _summary(answer.answer)
    return visible("; ".join(f"{name.replace('_', ' ')} {value}" for name, value in event.details.items()))


def _summary(answer: Any) -> str:
    if not isinstance(answer, dict):
        return visible(str(answer))
    expected = answer.get("expected_answer")
    parts = [f"{answer.get('verdict')}, should {answer.get('expected_behaviour')}", expected and f"“{expected}”"]
    parts += [f"support {answer['support']}" if answer.get("support") else None]
    parts += [f"note: {answer['note']}" if answer.get("note") else None]
    return visible("; ".join(part for part in parts if part))


def _listed(task: Task) -> ListedTask:
    asked = AnnotationTask.model_validate(task.payload)
    own = task.model_dump(include={"task_id", "run_id", "status", "n_answers", "n_annotators", "claims"})
    about = asked.model_dump(include={"failure_type", "group_id", "group_label", "estimated_minutes", "question"})
    return ListedTask.model_validate(own | about)
