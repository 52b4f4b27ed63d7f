"""Any order of enqueuing, claiming, releasing, skipping and answering keeps the queue's promises."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from millrace.errors import BadInputError
from millrace.ledger.annotations import adjudicate, annotations_for, answer_history, submit
from millrace.ledger.queue import claim_next, enqueue, release, skip
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, counts, task_history, tasks

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
annotators = st.sampled_from(["ada", "bob", "cyd"])
questions = st.integers(0, 2)  # few, so that the rules meet
WANTED = {"task-0": 1, "task-1": 2, "task-2": 2}  # annotators


class Queue(RuleBasedStateMachine):
    """A model beside the real queue: who holds what until when, and who answered what."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.ledger = Ledger.open(Path(self.folder.name) / "ledger.sqlite")
        self.now = T0
        self.asked: dict[str, str] = {}  # task id -> the run that asked first
        self.held: dict[str, dict[str, datetime]] = {}  # task id -> annotator -> until; ended claims too
        self.skipped: set[str] = set()
        self.answers: dict[tuple[str, str], int] = {}
        self.settled: dict[str, tuple[str, int]] = {}

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    def holders(self, task_id: str) -> set[str]:
        return {name for name, until in self.held.get(task_id, {}).items() if until > self.now}

    def answered(self, task_id: str) -> set[str]:
        return {annotator for task, annotator in self.answers if task == task_id}

    def completed(self, task_id: str) -> bool:
        return len(self.answered(task_id)) >= WANTED[task_id]

    def is_open(self, task_id: str) -> bool:
        return not self.completed(task_id) and task_id not in self.skipped

    def refused(self, task_id: str, annotator: str, n_wanted: int) -> bool:
        others = self.holders(task_id) - {annotator}
        taken = len(self.answered(task_id)) + len(others) >= n_wanted
        return bool(others) and annotator not in self.holders(task_id) and taken

    @rule(step=st.integers(1, 8))
    def time_passes(self, step: int) -> None:
        self.now += timedelta(minutes=step)

    @rule(wanted=st.lists(questions, max_size=5), run=st.sampled_from(["r1", "r2"]))
    def enqueue(self, wanted: list[int], run: str) -> None:
        proposed = [
            NewTask(
                task_id=f"task-{number}",
                question_key=f"q{number}",
                tenant_id="t",
                position=number,
                payload=number,
                n_annotators=WANTED[f"task-{number}"],
            )
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
        own = [task_id for task_id in self.asked if annotator in self.holders(task_id)]
        free = [
            task_id
            for task_id in self.asked
            if self.is_open(task_id)
            and annotator not in self.answered(task_id)
            and len(self.answered(task_id)) + len(self.holders(task_id)) < WANTED[task_id]
        ]
        if task is None:
            assert (own, free) == ([], [])
            return
        assert own == [task.task_id] if own else task.task_id in free
        held = self.held.setdefault(task.task_id, {})
        if own:
            until = max(until, held[annotator])
        else:
            self.held[task.task_id] = held = {name: held[name] for name in self.holders(task.task_id)}
        held[annotator] = until
        assert [(claim.annotator, claim.expires_at) for claim in task.claims] == [(annotator, until)]

    @rule(number=questions, annotator=annotators)
    def release(self, number: int, annotator: str) -> None:
        task_id = f"task-{number}"
        if task_id not in self.asked:
            return
        if self.refused(task_id, annotator, WANTED[task_id]):
            self.expect_refusal(lambda: release(self.ledger, task_id, annotator, self.now))
        else:
            release(self.ledger, task_id, annotator, self.now)
            self.held.get(task_id, {}).pop(annotator, None)

    @rule(number=questions, annotator=annotators)
    def skip(self, number: int, annotator: str) -> None:
        task_id = f"task-{number}"
        if task_id not in self.asked:
            return
        if self.refused(task_id, annotator, 1) or self.completed(task_id):
            self.expect_refusal(lambda: skip(self.ledger, task_id, annotator, "", self.now))
        else:
            skip(self.ledger, task_id, annotator, "", self.now)
            self.skipped.add(task_id)
            self.held.pop(task_id, None)

    @rule(number=questions, annotator=annotators, answer=st.integers(0, 2))
    def submit(self, number: int, annotator: str, answer: int) -> None:
        task_id = f"task-{number}"
        if task_id not in self.asked:
            return
        if annotator not in self.answered(task_id) and self.refused(task_id, annotator, WANTED[task_id]):
            self.expect_refusal(lambda: submit(self.ledger, task_id, annotator, answer, self.now))
        else:
            submit(self.ledger, task_id, annotator, answer, self.now)
            self.answers[task_id, annotator] = answer
            self.held.get(task_id, {}).pop(annotator, None)
            if self.completed(task_id):
                self.held.pop(task_id, None)

    @rule(number=questions, annotator=annotators, answer=st.integers(0, 2))
    def adjudicate(self, number: int, annotator: str, answer: int) -> None:
        task_id = f"task-{number}"
        if task_id not in self.asked:
            return
        if not self.completed(task_id) or len(self.answered(task_id)) < 2:
            self.expect_refusal(lambda: adjudicate(self.ledger, task_id, annotator, answer, self.now))
        else:
            adjudicate(self.ledger, task_id, annotator, answer, self.now)
            self.settled[task_id] = (annotator, answer)

    def expect_refusal(self, call: object) -> None:
        try:
            call()  # type: ignore[operator]
        except BadInputError:
            return
        raise AssertionError("taken from its holder")

    def status(self, task_id: str) -> str:
        if self.completed(task_id):
            return "completed"
        if task_id in self.skipped:
            return "skipped"
        return "claimed" if self.held.get(task_id) else "pending"

    @invariant()
    def nothing_is_lost_and_no_more_hold_a_task_than_are_wanted(self) -> None:
        standing = tasks(self.ledger)
        assert sorted((task.task_id, task.run_id) for task in standing) == sorted(self.asked.items())
        for task in standing:
            assert task.status == self.status(task.task_id)
            assert {claim.annotator: claim.expires_at for claim in task.claims} == self.held.get(task.task_id, {})
            assert task.n_answers == len(self.answered(task.task_id))
            if task.status == "claimed":
                assert task.n_answers + len(self.holders(task.task_id)) <= task.n_annotators
        found = counts(self.ledger)
        assert found.open == sum(map(self.is_open, self.asked))
        assert found.completed == sum(map(self.completed, self.asked))

    @invariant()
    def the_latest_answers_count_and_the_latest_adjudication(self) -> None:
        found = annotations_for(self.ledger)
        answers = {(each.task_id, each.annotator): each.answer for each in found if not each.adjudicates}
        assert answers == self.answers
        adjudications = {each.task_id: (each.annotator, each.answer) for each in found if each.adjudicates}
        assert adjudications == self.settled
        assert len(found) == len(answers) + len(adjudications)

    @invariant()
    def nobody_sees_anothers_answer_to_an_open_task(self) -> None:
        for task_id in filter(self.is_open, self.asked):
            for annotator in ("ada", "bob", "cyd"):
                seen = answer_history(self.ledger, task_id, seen_by=annotator)
                assert {each.annotator for each in seen} <= {annotator}

    @invariant()
    def the_audit_trail_tells_who_answered_and_who_holds(self) -> None:
        answered, holds = set(), set()
        for entry in task_history(self.ledger):
            who = (entry.task_id, entry.actor)
            if entry.event in ("submitted", "replaced"):
                answered.add(who)
            if entry.event == "claimed":
                lapsed = str(entry.details.get("lapsed_claim_of", "")).split(", ")
                holds -= {(entry.task_id, name) for name in lapsed}
                holds.add(who)
            elif entry.event in ("submitted", "replaced", "released"):
                holds.discard(who)
            elif entry.event == "skipped":
                holds = {each for each in holds if each[0] != entry.task_id}
        assert answered == set(self.answers)
        standing = {(task.task_id, claim.annotator) for task in tasks(self.ledger) for claim in task.claims}
        assert standing == {each for each in holds if not self.completed(each[0])}


Queue.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestQueue = Queue.TestCase
