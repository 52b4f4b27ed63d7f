"""Any order of enqueuing, claiming, releasing, skipping and answering keeps the queue's promises."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from millrace.errors import BadInputError
from millrace.ledger.annotations import annotations_for, submit
from millrace.ledger.queue import claim_next, enqueue, release, skip
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, Task, task_history, tasks

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
annotators = st.sampled_from(["ada", "bob"])
questions = st.integers(0, 2)  # few, so that the rules meet


class Queue(RuleBasedStateMachine):
    """A model beside the real queue: who holds what until when, and who answered what."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.ledger = Ledger.open(Path(self.folder.name) / "ledger.sqlite")
        self.now = T0
        self.asked: dict[str, str] = {}  # task id -> the run that asked first
        self.held: dict[str, tuple[str, datetime]] = {}
        self.closed: dict[str, str] = {}  # task id -> completed or skipped
        self.answers: dict[tuple[str, str], int] = {}

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def holder(self, task_id: str) -> str | None:
        annotator, until = self.held.get(task_id, ("", self.now))
        return annotator if until > self.now else None

    def refused(self, task_id: str, annotator: str) -> bool:
        return self.holder(task_id) not in (None, annotator)

    @rule(step=st.integers(1, 8))
    def time_passes(self, step: int) -> None:
        self.now += timedelta(minutes=step)

    @rule(wanted=st.lists(questions, max_size=5), run=st.sampled_from(["r1", "r2"]))
    def enqueue(self, wanted: list[int], run: str) -> None:
        proposed = [
            NewTask(task_id=f"task-{number}", question_key=f"q{number}", tenant_id="t", position=number, payload=number)
            for number in wanted
        ]
        result = enqueue(self.ledger, proposed, run, self.now)
        for task in proposed:
            self.asked.setdefault(task.task_id, run)
        mine = [task.task_id for task in proposed if self.asked[task.task_id] == run]
        others = [task.task_id for task in proposed if self.asked[task.task_id] != run]
        assert (result.added, result.already_asked) == (list(dict.fromkeys(mine)), list(dict.fromkeys(others)))

    @rule(annotator=annotators, length=st.integers(1, 10))
    def claim(self, annotator: str, length: int) -> None:
        until = self.now + timedelta(minutes=length)
        task = claim_next(self.ledger, annotator, self.now, until)
        own = [task_id for task_id in self.asked if self.holder(task_id) == annotator]
        free = [task_id for task_id in self.asked if self.holder(task_id) is None and task_id not in self.closed]
        if task is None:
            assert (own, free) == ([], [])
            return
        assert own == [task.task_id] if own else task.task_id in free
        self.held[task.task_id] = (annotator, max(until, self.held[task.task_id][1]) if own else until)
        assert (task.claimed_by, task.claim_expires_at) == self.held[task.task_id]

    @rule(number=questions, annotator=annotators)
    def release(self, number: int, annotator: str) -> None:
        task_id = f"task-{number}"
        if task_id not in self.asked:
            return
        if self.refused(task_id, annotator):
            self.expect_refusal(lambda: release(self.ledger, task_id, annotator, self.now))
        else:
            release(self.ledger, task_id, annotator, self.now)
            if self.held.get(task_id, ("", T0))[0] == annotator:
                del self.held[task_id]

    @rule(number=questions, annotator=annotators)
    def skip(self, number: int, annotator: str) -> None:
        task_id = f"task-{number}"
        if task_id not in self.asked:
            return
        if self.refused(task_id, annotator) or self.closed.get(task_id) == "completed":
            self.expect_refusal(lambda: skip(self.ledger, task_id, annotator, "", self.now))
        else:
            skip(self.ledger, task_id, annotator, "", self.now)
            self.closed[task_id] = "skipped"
            self.held.pop(task_id, None)

    @rule(number=questions, annotator=annotators, answer=st.integers(0, 2))
    def submit(self, number: int, annotator: str, answer: int) -> None:
        task_id = f"task-{number}"
        if task_id not in self.asked:
            return
        if self.refused(task_id, annotator):
            self.expect_refusal(lambda: submit(self.ledger, task_id, annotator, answer, self.now))
        else:
            submit(self.ledger, task_id, annotator, answer, self.now)
            self.closed[task_id] = "completed"
            self.held.pop(task_id, None)
            self.answers[task_id, annotator] = answer

    def expect_refusal(self, call: object) -> None:
        try:
            call()  # type: ignore[operator]
        except BadInputError:
            return
        raise AssertionError("taken from its holder")

    @invariant()
    def nothing_is_lost_or_held_twice(self) -> None:
        standing = tasks(self.ledger)
        assert sorted((task.task_id, task.run_id) for task in standing) == sorted(self.asked.items())
        assert {task.task_id: task.status for task in standing} == {
            task_id: self.closed.get(task_id, "claimed" if task_id in self.held else "pending")
            for task_id in self.asked
        }
        holders = Counter(task.claimed_by for task in standing if self.runs(task))
        assert not holders or max(holders.values()) == 1

    def runs(self, task: Task) -> bool:
        return task.claim_expires_at is not None and task.claim_expires_at > self.now

    @invariant()
    def the_latest_answers_count(self) -> None:
        found = annotations_for(self.ledger)
        assert {(entry.task_id, entry.annotator): entry.answer for entry in found} == self.answers

    @invariant()
    def the_audit_trail_tells_the_state(self) -> None:
        last = {entry.task_id: entry.event for entry in task_history(self.ledger) if entry.event != "renewed"}
        left = {"enqueued": "pending", "released": "pending", "submitted": "completed", "replaced": "completed"}
        told = {task_id: left.get(event, event) for task_id, event in last.items()}
        assert told == {task.task_id: task.status for task in tasks(self.ledger)}


Queue.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestQueue = Queue.TestCase
