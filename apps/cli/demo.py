"""``millrace demo``: the whole wheel once, on Millrace's own guide and bundled questions."""

import getpass
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import typer

from apps.cli.annotation.asking import ask, choose, page
from apps.cli.answer_key import AnswerKey, read_answer_key
from apps.cli.deciding import Answer, open_question, take
from apps.cli.environment import prepare
from apps.cli.flow_catalogue import load_flow, validated
from apps.cli.flow_runs import new_run_id, prefect_manners, show_result
from apps.cli.terminal import Terminal, markdown
from millrace.errors import BadInputError
from millrace.ledger import annotations, approvals
from millrace.ledger.approval_settings import is_single_user
from millrace.ledger.reviewers import list_reviewers
from millrace.ledger.tasks import Task, counts, tasks
from millrace.records.annotation import AnnotationTask

TENANT = "demo"
WEEK = "2026-W46"
AS_OF = datetime(2026, 11, 16, 6, tzinfo=UTC)
ANNOTATOR = "demo-answer-key"
_LOOK_EVERY_S = 0.2


def demo_command(terminal: Terminal, *, yes: bool) -> int:
    """Ingest the guide, answer the questions, find failures, ask, approve, grow the golden dataset, report.

    Args:
        yes: take every answer from the bundled key and approve; else ask the person at the terminal, if there is one.
    """
    if not yes and not terminal.interactive:
        terminal.say("nobody can be asked here: the bundled answer key answers and approves, as with --yes")
        yes = True
    prepare(terminal.root)
    _set_single_user(terminal)
    demo = _Demo(terminal, yes)
    with prefect_manners(brief=not terminal.debug):
        folder, questions = _guide(), _bundled("questions.jsonl")
        demo.call("1/3 reading the guide", "ingest-documents", folder=str(folder), tenant=TENANT, owner=TENANT)
        demo.call("2/3 answering 60 questions", "answer-questions", file=str(questions))
        run_id, result = demo.turn_wheel("3/3 turning the weekly wheel", week=WEEK, as_of=AS_OF.isoformat())
    code = show_result(terminal, "weekly-flywheel", run_id, result)
    if result.report is not None:
        terminal.say(f"report: {result.report.html}\nnext: millrace report {run_id}, millrace golden show")
    return code


def _set_single_user(terminal: Terminal) -> None:
    """The demo decides without anybody's key, which a home takes only when it is set to; never one with reviewers."""
    from tasks.reviewers import set_single_user

    ledger = terminal.home.ledger
    if not is_single_user(ledger) and list_reviewers(ledger):
        raise BadInputError("this home has reviewers, whose decisions the demo cannot play: name another with --home")
    if set_single_user(terminal.home, True, by=None, at=datetime.now(UTC)).changed:
        terminal.say(
            "this home is set to single-user: its approvals need no signature (`millrace reviewer single-user`)"
        )


@dataclass
class _Demo:
    """The demo's surroundings."""

    terminal: Terminal
    yes: bool
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def call(self, title: str, flow_name: str, **settings: object) -> tuple[str, Any]:
        """Run one flow to its end."""
        self.terminal.say(title, style="bold")
        flow = load_flow(flow_name)
        run_id = new_run_id(flow_name, self.started)
        return run_id, flow.function(config=validated(flow, settings), run_id=run_id)

    def turn_wheel(self, title: str, **settings: object) -> tuple[str, Any]:
        """Run the weekly flow in a thread, and answer what it asks meanwhile."""
        self.terminal.say(title, style="bold")
        flow = load_flow("weekly-flywheel")
        run_id = new_run_id("weekly-flywheel", self.started)
        turning = _Turning(lambda: flow.function(config=validated(flow, settings), run_id=run_id))
        turning.start()
        while not turning.done:
            if approvals.waiting(self.terminal.home.ledger, run_id):
                self._answer(run_id)
                self._decide(run_id, turning)
            time.sleep(_LOOK_EVERY_S)
        return run_id, turning.outcome()

    def _answer(self, run_id: str) -> None:
        key = read_answer_key(_bundled("questions.jsonl"), _bundled("annotations.yaml"))
        waiting = [task for task in tasks(self.terminal.home.ledger, run_id=run_id) if task.status == "pending"]
        for place, task in enumerate(waiting, start=1):
            if not self._answer_one(task, key, f"{place} of {len(waiting)}"):
                break
        now = counts(self.terminal.home.ledger, run_id)
        self.terminal.say(
            f"{now.completed} of {now.completed + now.open + now.skipped} tasks of this week are answered"
        )

    def _answer_one(self, task: Task, key: AnswerKey, place: str) -> bool:
        ledger = self.terminal.home.ledger
        suggested = key.answer_to(AnnotationTask.model_validate(task.payload))
        if not self.yes:
            self.terminal.err.print(page(task))
            self.terminal.say(f"the answer key says: {suggested.expected_behaviour}: {suggested.expected_answer or ''}")
            choice = typer.prompt(f"Task {place}: [k]ey, [o]wn answer, [s]top asking", default="k", err=True)
            if choice.startswith("s"):
                return False
            if choice.startswith("o"):
                return ask(self.terminal, task, getpass.getuser())
        annotations.submit(ledger, task.task_id, ANNOTATOR, suggested.model_dump(mode="json"), AS_OF)
        return True

    def _decide(self, run_id: str, turning: "_Turning") -> None:
        if self.yes:
            self._hand_over(run_id, Answer("approve", ANNOTATOR, "approved by --yes"), turning)
            return
        from tasks.decisions import DECISIONS

        self.terminal.err.print(markdown(open_question(self.terminal, run_id).approval.markdown))
        while not turning.done:
            decision = choose("Decision", DECISIONS)
            given = Answer(decision, typer.prompt("Your name", err=True), typer.prompt("Note", default="", err=True))
            try:
                self._hand_over(run_id, given, turning)
            except BadInputError as error:
                self.terminal.say(str(error), style="bold red")
            else:
                return

    def _hand_over(self, run_id: str, given: Answer, turning: "_Turning") -> None:
        """The run asks a moment before it pauses, so a decision may come too early: then wait for the pause."""
        while not turning.done:
            question = open_question(self.terminal, run_id)
            if question.run.status == "waiting" and self._is_paused(question.approval.prefect_run_id):
                take(self.terminal, question, given)
                break
            time.sleep(_LOOK_EVERY_S)
        while not turning.done and approvals.waiting(self.terminal.home.ledger, run_id):
            time.sleep(_LOOK_EVERY_S)

    def _is_paused(self, prefect_run_id: str | None) -> bool:
        from apps.cli.prefect_runs import standing_of

        standing = standing_of(prefect_run_id) if prefect_run_id else None
        return standing is not None and standing.paused


class _Turning(threading.Thread):
    """A flow under way in a thread of its own."""

    def __init__(self, flow: Callable[[], Any]) -> None:
        super().__init__(daemon=True, name="weekly-flywheel")
        self._flow = flow
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._flow()
        except BaseException as error:
            self._error = error

    @property
    def done(self) -> bool:
        return not self.is_alive()

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result


def _bundled(name: str) -> Path:
    return Path(str(files("configs"))) / "demo" / name


def _guide() -> Path:
    return Path(str(files("configs"))).parent / "docs" / "guide"
