"""One person's turn at the queue: the task in hand, the ones before it, and the hold on it. Knows no screen."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from apps.cli.annotation import asking
from apps.cli.annotation.draft import Draft
from apps.cli.annotation.text import visible
from apps.cli.terminal import Terminal
from millrace.errors import MillraceError
from millrace.ledger import queue
from millrace.ledger.tasks import Task, tasks
from millrace.records.annotation import AnnotationAnswer, AnnotationTask

Outcome = Literal["open", "answered", "skipped", "left"]
Hold = Literal["held", "ended", "taken"]
_OPEN = ("pending", "claimed")


@dataclass
class Visit:
    """A task that was shown, and what became of it."""

    task: Task
    asked: AnnotationTask
    draft: Draft
    outcome: Outcome = "open"


@dataclass(frozen=True)
class Progress:
    """Where the person stands; ``minutes_left`` estimates the open tasks, the one in hand included."""

    place: int
    n_tasks: int
    minutes_left: float


class Session:
    """The tasks that one annotator goes through, one after the other."""

    def __init__(self, terminal: Terminal, annotator: str, *, minutes: int, run_id: str | None) -> None:
        self.annotator = annotator
        self._terminal, self._minutes, self._run_id = terminal, minutes, run_id
        self._visits: list[Visit] = []
        self._place = -1
        self._held_until: datetime | None = None

    @property
    def visit(self) -> Visit | None:
        """The task on the screen; None when none is left."""
        return self._visits[self._place] if 0 <= self._place < len(self._visits) else None

    def count(self, outcome: Outcome) -> int:
        return sum(each.outcome == outcome for each in self._visits)

    def advance(self) -> Visit | None:
        """The next task: the one after this where the person went back, else the next that is free."""
        if self._place + 1 >= len(self._visits):
            task = asking.claim(self._terminal, self.annotator, minutes=self._minutes, run_id=self._run_id)
            if task is None:
                self._place = len(self._visits)
                return None
            self._held_until = self._end_of_hold()
            asked = AnnotationTask.model_validate(task.payload)
            given = None if asked.answer is None else visible(asked.answer)
            self._visits.append(Visit(task, asked, Draft(given=given)))
        self._place += 1
        return self.visit

    def back(self) -> bool:
        """To the task before; False at the first. The hold on the open task stays."""
        if self._place <= 0:
            return False
        self._place -= 1
        return True

    def submit(self) -> list[str]:
        """Store the answer, redacted; what keeps it from being stored, empty when it was."""
        visit = self._shown()
        answer = visit.draft.read()
        if not isinstance(answer, AnnotationAnswer):
            return answer
        try:
            asking.store(self._terminal, visit.task, self.annotator, answer)
        except MillraceError as error:
            return [f"not stored: {error}"]
        visit.draft.mark_stored()
        self._end(visit, "answered")
        return []

    def skip(self, reason: str) -> list[str]:
        """Put the task aside with a redacted reason; why that cannot be, empty when it was.

        A task that somebody else took in the meantime is left to them.
        """
        visit = self._shown()
        if not reason.strip():
            return ["say why nobody can answer it"]
        try:
            asking.set_aside(self._terminal, visit.task, self.annotator, reason)
        except MillraceError as error:
            if visit.outcome != "open" or self.hold() == "held":
                return [f"not skipped: {error}"]
            self._end(visit, "left")
            return []
        visit.draft.mark_stored()
        self._end(visit, "skipped")
        return []

    def hold(self) -> Hold:
        """Whether the open task is still held; see :meth:`renew` for one that is taken."""
        if self._held_until is None or datetime.now(UTC) < self._held_until:
            return "held"
        return "ended"

    def renew(self) -> Hold:
        """Hold the open task longer, where less than half of the time is left; take it again where it is free."""
        if self._held_until is None or self._held_until - datetime.now(UTC) > timedelta(minutes=self._minutes / 2):
            return "held"
        held = self._visits[-1].task
        until = self._end_of_hold()
        if not asking.renew(self._terminal, held, self.annotator, minutes=self._minutes):
            return "taken" if self.hold() == "ended" else "held"
        self._held_until = until
        return "held"

    def stop(self) -> None:
        """Give the open task back."""
        if self._held_until is None:
            return
        try:
            queue.release(self._terminal.home.ledger, self._visits[-1].task.task_id, self.annotator, datetime.now(UTC))
        except MillraceError as error:  # somebody else holds it by now, so there is nothing to give back
            logging.getLogger(__name__).info("%s", error)
        self._held_until = None

    def progress(self) -> Progress:
        """Counted over the run, or over all tasks where none was named."""
        done = {each.task.task_id for each in self._visits if each.outcome != "open"}
        known = tasks(self._terminal.home.ledger, self._run_id)
        waiting = [task for task in known if task.status in _OPEN and task.task_id not in done]
        minutes = sum(AnnotationTask.model_validate(task.payload).estimated_minutes for task in waiting)
        return Progress(self._place + 1, len(done) + len(waiting), minutes)

    def _shown(self) -> Visit:
        visit = self.visit
        if visit is None:
            raise IndexError("no task is shown")
        return visit

    def _end(self, visit: Visit, outcome: Outcome) -> None:
        if visit.outcome == "open":
            self._held_until = None
        visit.outcome = outcome

    def _end_of_hold(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=self._minutes)
