"""What exchanging tasks and answers with other annotation tools has in common (A30)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from millrace.annotation.answers import read_answer
from millrace.records.annotation import AnnotationAnswer, AnnotationTask
from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime

FIELDS = ("verdict", "expected_behaviour", "support", "expected_answer", "note")
"""The questions put to people, by the names of ``AnnotationAnswer``'s fields."""

TITLES: Mapping[str, str] = {
    "verdict": "What went wrong first?",
    "expected_behaviour": "What should the application have done?",
    "support": "How much of what the answer claims do the passages support?",
    "expected_answer": "The answer that was expected, where one was",
    "note": "Note",
}
SENTENCES = "sentence_support"
SENTENCES_TITLE = "Support of each sentence, as estimated; to read by, changes are not taken back"
SOURCE = "millrace"
_LONGEST_NAME = 512

RefusalReason = Literal[
    "malformed", "unknown_task", "discarded", "not_submitted", "incomplete", "invalid", "superseded", "refused"
]
Files = Mapping[str, Any]
"""Contents by path: a text, or a value to be written as JSON."""


class GivenAnswer(Record):
    """An answer as another tool gave it; what was typed is not redacted yet."""

    place: int = Field(ge=1, description="Row of the file, from 1")
    task_id: Identifier
    annotator: Identifier
    answered_at: UtcTime | None = None
    answer: AnnotationAnswer


class RefusedAnswer(Record):
    """A row, or one person's answer in it, that was not taken, and why; never what was typed."""

    place: int = Field(ge=1, description="Row of the file, from 1")
    task_id: str | None = None
    annotator: str | None = None
    reason: RefusalReason = Field(
        description="malformed: not in the tool's format; unknown_task: no such task here; discarded: the person "
        "declined it; not_submitted: a draft; incomplete: a question is unanswered; invalid: answers do not fit "
        "together; superseded: the same person answered again later; refused: the queue did not take it"
    )
    message: str


Taken = GivenAnswer | RefusedAnswer


def guess(task: AnnotationTask) -> str:
    """Triage's verdict, as a person would choose it."""
    return task.failure_type or "ok"


def history_text(task: AnnotationTask) -> str:
    """Earlier turns, one paragraph each."""
    return "\n\n".join(f"{turn.speaker}: {turn.text}" for turn in task.history)


def passages_text(task: AnnotationTask) -> str:
    """The passages with their ranks and titles."""
    return "\n\n".join(
        f"[{rank}] {context.title or context.context_id}\n{context.text}"
        for rank, context in enumerate(task.contexts, start=1)
    )


def why_text(task: AnnotationTask) -> str:
    """Why the task is asked, and what triage says of it."""
    rows = [f"Asked because: {task.why}", f"Triage: {guess(task)}. {task.triage_reason or ''}".strip()]
    return "\n".join(rows + ([f"Group: {task.group_label}"] if task.group_label else []))


def facts(task: AnnotationTask) -> dict[str, str | int | float]:
    """What identifies and describes the task, without what is not known."""
    given = {
        "task_id": task.task_id,
        "trace_id": task.trace_id,
        "failure_type": guess(task),
        "confidence": task.confidence,
        "group_label": task.group_label,
        "position": task.position,
        "estimated_minutes": task.estimated_minutes,
    }
    return {name: value for name, value in given.items() if value is not None}


def take(
    fields: Mapping[str, object], *, place: int, task_id: str, annotator: str, answered_at: datetime | None = None
) -> Taken:
    """The answer that these fields make, checked as one typed into Millrace; or why there is none."""

    def refuse(reason: RefusalReason, message: str) -> RefusedAnswer:
        return RefusedAnswer(place=place, task_id=task_id, annotator=annotator, reason=reason, message=message)

    if not 0 < len(annotator) <= _LONGEST_NAME:
        return refuse("malformed", f"a user name has 1 to {_LONGEST_NAME} characters")
    missing = [name for name in ("verdict", "expected_behaviour") if fields.get(name) is None]
    if missing:
        return refuse("incomplete", f"no answer to {' and '.join(missing)}")
    known = {name: fields[name] for name in FIELDS if fields.get(name) is not None}
    if known["expected_behaviour"] != "answer":  # the form asks for it all the same
        known.pop("expected_answer", None)
    answer = read_answer(known)
    if isinstance(answer, AnnotationAnswer):
        return GivenAnswer(place=place, task_id=task_id, annotator=annotator, answered_at=answered_at, answer=answer)
    return refuse("invalid", "; ".join(answer))


def settle(taken: Iterable[Taken]) -> list[Taken]:
    """Each person's last answer to each task stands, the others are superseded; order is kept.

    Last is what was answered latest; without a time, or at equal times, what comes later in the file.
    """
    listed = list(taken)
    last: dict[tuple[str, str], tuple[datetime, int]] = {}
    for index, each in enumerate(listed):
        if isinstance(each, GivenAnswer):
            key, when = (each.task_id, each.annotator), (each.answered_at or _LONG_AGO, index)
            last[key] = max(last.get(key, when), when)
    return [
        _superseded(each) if isinstance(each, GivenAnswer) and last[each.task_id, each.annotator][1] != index else each
        for index, each in enumerate(listed)
    ]


def mapping_at(value: object, *names: str) -> Mapping[str, Any] | None:
    """The JSON object below these names; None where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else None


def user_name(identity: object, users: Mapping[str, str], tool: str) -> str:
    """The name given for the other tool's user, else the tool and its own id."""
    return users.get(str(identity)) or f"{tool}:{identity}"


ReadRow = Callable[[object, int, Mapping[str, str]], list[Taken]]
"""Reads one row of a tool's export: the row, its place, and names by the tool's user ids."""

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def _superseded(given: GivenAnswer) -> RefusedAnswer:
    return RefusedAnswer(
        place=given.place,
        task_id=given.task_id,
        annotator=given.annotator,
        reason="superseded",
        message=f"{given.annotator} answered this task again later in the file",
    )
