"""Escalated traces are queued once, whatever is run again, and answers to them reach the next run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from millrace.annotation.proposal import ProposalConfig
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.ledger import annotations, queue
from millrace.ledger.tasks import tasks
from millrace.records.annotation import AnnotationTask
from millrace.records.trace import Trace, utc
from tasks.annotation import Answers, Queued, snapshot_answers
from tasks.escalation import enqueue_escalated
from tasks.home import Home
from tasks.parts import write_dataset
from tasks.stage import stage
from tests.tasks.turns import Turn

CONFIG = ProposalConfig()
NOW = datetime(2026, 11, 9, tzinfo=UTC)
ANSWER = {"verdict": "ok", "expected_behaviour": "answer", "expected_answer": "We call you at noon."}


@stage
def make_traces(names: list[str]) -> DatasetRef:
    """One escalated trace for each name, and one that was answered."""
    known = {"time": utc(2026, 11, 9), "tenant_id": "a"}
    escalated = [
        Trace(trace_id=name, question=f"Call {name}", status="escalated", route="people", **known) for name in names
    ]
    other = Trace(trace_id="other", question="How long?", answer="Two years.", **known)
    return write_dataset("traces", table_of(Trace, [*escalated, other]))


def escalate(*names: str) -> Callable[[], Queued]:
    return lambda: enqueue_escalated(make_traces(list(names)), CONFIG)


def queued(home: Home) -> list[str]:
    return [AnnotationTask.model_validate(task.payload).trace_id for task in tasks(home.ledger)]


def answer_all(home: Home, annotator: str = "anna") -> None:
    for task in tasks(home.ledger, status="pending"):
        queue.claim_next(home.ledger, annotator, NOW, NOW + timedelta(hours=1))
        annotations.submit(home.ledger, task.task_id, annotator, ANSWER, NOW)


def test_each_escalated_trace_becomes_a_task_of_its_run(turn: Turn, home: Home) -> None:
    assert turn(escalate("x", "y")) == Queued(n_added=2, n_already_asked=0)
    assert queued(home) == ["x", "y"]
    assert {task.run_id for task in tasks(home.ledger)} == {"run"}


def test_the_same_traces_in_another_run_are_not_asked_about_again(plain: Turn, home: Home) -> None:
    plain(escalate("x", "y"), "first")
    assert plain(escalate("y", "z"), "second") == Queued(n_added=1, n_already_asked=1)
    assert queued(home) == ["x", "y", "z"]


def test_a_crash_between_queueing_and_noting_it_queues_nothing_twice(
    plain: Turn, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tasks.effect.journal.finish_effect", _crash)
        with pytest.raises(KeyboardInterrupt):
            plain(escalate("x"))
    assert queued(home) == ["x"]
    assert plain(escalate("x")) == Queued(n_added=1, n_already_asked=0)
    assert queued(home) == ["x"]


def test_answers_reach_the_next_run_that_takes_answers_and_only_that_one(plain: Turn, home: Home) -> None:
    plain(escalate("x", "y"), "answering")
    answer_all(home)
    first: Answers = plain(snapshot_answers, "week-1")
    second: Answers = plain(snapshot_answers, "week-2")
    plain(escalate("z"), "answering-again")
    answer_all(home, "ben")
    third: Answers = plain(snapshot_answers, "week-3")
    assert [(each.tasks.rows, each.annotations.rows) for each in (first, second)] == [(2, 2), (0, 0)]
    taken = home.datasets.open(third.tasks).to_arrow().column("trace_id").to_pylist()
    assert taken == ["z"]


def _crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
