import time
from datetime import UTC, datetime, timedelta

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.queue import claim_next, enqueue, release, skip
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, Task, counts, task_history, tasks

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)


def minutes(number: int) -> datetime:
    return T0 + timedelta(minutes=number)


def new(name: str, position: int = 0, question: str | None = None, tenant: str = "t1") -> NewTask:
    return NewTask(
        task_id=name, question_key=question or name, tenant_id=tenant, position=position, payload={"question": name}
    )


def claim(ledger: Ledger, annotator: str, at: int = 0, length: int = 10, run_id: str | None = None) -> Task | None:
    return claim_next(ledger, annotator, minutes(at), minutes(at + length), run_id)


def claimed(ledger: Ledger, annotator: str, at: int = 0, length: int = 10) -> str:
    task = claim(ledger, annotator, at, length)
    assert task is not None
    assert (task.status, task.claimed_by) == ("claimed", annotator)
    return task.task_id


def history(ledger: Ledger, task_id: str) -> list[tuple[str, str]]:
    return [(entry.event, entry.actor) for entry in task_history(ledger, task_id)]


def test_tasks_are_asked_by_position_within_one_call_and_in_order_of_calls(ledger: Ledger) -> None:
    enqueue(ledger, [new("b", 2), new("c", 1), new("a", 2)], "r1", T0)
    enqueue(ledger, [new("first", 0)], "r2", T0)
    assert [task.task_id for task in tasks(ledger)] == ["c", "a", "b", "first"]
    assert [claimed(ledger, name) for name in "wxyz"] == ["c", "a", "b", "first"]
    assert claim(ledger, "v") is None


def test_a_question_is_asked_once_whichever_run_proposes_it(ledger: Ledger) -> None:
    assert enqueue(ledger, [new("a"), new("b")], "r1", T0).added == ["a", "b"]
    result = enqueue(ledger, [new("c"), new("b2", question="b")], "r2", T0)
    assert (result.added, result.already_asked) == (["c"], ["b"])  # the id that holds the question
    assert [task.task_id for task in tasks(ledger)] == ["a", "b", "c"]


def test_a_question_answered_or_skipped_is_not_asked_again(ledger: Ledger) -> None:
    enqueue(ledger, [new("a")], "r1", T0)
    skip(ledger, "a", "ada", "unclear", T0)
    assert enqueue(ledger, [new("a")], "r2", T0).already_asked == ["a"]
    assert claim(ledger, "bob") is None


def test_a_run_that_enqueues_again_after_a_crash_gets_the_same_result(ledger: Ledger) -> None:
    enqueue(ledger, [new("old")], "r1", T0)
    proposed = [new("z", 3), new("old", 2), new("a", 1)]
    first = enqueue(ledger, proposed, "r2", T0)
    assert (first.added, first.already_asked) == (["z", "a"], ["old"])
    assert enqueue(ledger, proposed, "r2", minutes(5)) == first
    assert history(ledger, "z") == [("enqueued", "r2")]


def test_tenants_do_not_share_questions(ledger: Ledger) -> None:
    result = enqueue(ledger, [new("a", question="q"), new("b", question="q", tenant="t2")], "r1", T0)
    assert result.added == ["a", "b"]


def test_of_two_proposals_with_one_question_the_earlier_is_asked(ledger: Ledger) -> None:
    result = enqueue(ledger, [new("late", 2, "q"), new("early", 1, "q"), new("early", 1, "q")], "r1", T0)
    assert (result.added, result.already_asked) == (["early"], ["early"])
    assert [task.task_id for task in tasks(ledger)] == ["early"]


def test_a_task_id_stands_for_one_question(ledger: Ledger) -> None:
    enqueue(ledger, [new("a")], "r1", T0)
    for proposed in ([new("b"), new("a", question="other")], [new("c"), new("c", question="other")]):
        with pytest.raises(BadInputError, match="stands for another question"):
            enqueue(ledger, proposed, "r2", T0)
    assert [task.task_id for task in tasks(ledger)] == ["a"]
    assert enqueue(ledger, [], "r2", T0).added == []


def test_an_annotator_gets_the_own_claim_back_and_longer(ledger: Ledger) -> None:
    enqueue(ledger, [new("a", 1), new("b", 2)], "r1", T0)
    assert claimed(ledger, "ada") == "a"
    again = claim(ledger, "ada", at=5)
    assert again is not None
    assert (again.task_id, again.claim_expires_at) == ("a", minutes(15))
    shorter = claim(ledger, "ada", at=6, length=1)
    assert shorter == again
    assert history(ledger, "a") == [("enqueued", "r1"), ("claimed", "ada"), ("renewed", "ada")]


def test_a_claim_ends_at_its_time_and_not_before(ledger: Ledger) -> None:
    enqueue(ledger, [new("a", 1)], "r1", T0)
    claimed(ledger, "ada")
    assert claim(ledger, "bob", at=9) is None
    assert claimed(ledger, "bob", at=10) == "a"
    assert task_history(ledger, "a")[-1].details == {"until": minutes(20).isoformat(), "lapsed_claim_of": "ada"}
    assert claim(ledger, "ada", at=11) is None
    assert claimed(ledger, "bob", at=20) == "a"  # even the holder claims anew once it has ended
    assert [event for event, _ in history(ledger, "a")][1:] == ["claimed", "claimed", "claimed"]


def test_claims_can_be_limited_to_one_run(ledger: Ledger) -> None:
    enqueue(ledger, [new("a")], "r1", T0)
    enqueue(ledger, [new("b")], "r2", T0)
    first, second, third = (claim(ledger, "ada", run_id=run_id) for run_id in ("r2", "r1", "r3"))
    assert first is not None
    assert second is not None
    assert (first.task_id, second.task_id, third) == ("b", "a", None)


def test_a_claim_has_a_length(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="cannot end"):
        claim(ledger, "ada", length=0)


def test_a_released_task_is_free_and_a_task_of_others_is_not_released(ledger: Ledger) -> None:
    enqueue(ledger, [new("a")], "r1", T0)
    claimed(ledger, "ada")
    with pytest.raises(BadInputError, match="claimed by ada until 2026-01-05T12:10:00"):
        release(ledger, "a", "bob", minutes(1))
    assert release(ledger, "a", "ada", minutes(1)).status == "pending"
    assert release(ledger, "a", "ada", minutes(1)).status == "pending"  # a second time changes nothing
    assert claimed(ledger, "bob", at=2) == "a"
    assert [event for event, _ in history(ledger, "a")] == ["enqueued", "claimed", "released", "claimed"]


def test_a_skipped_task_is_put_aside_with_the_reason(ledger: Ledger) -> None:
    enqueue(ledger, [new("a")], "r1", T0)
    claimed(ledger, "ada")
    with pytest.raises(BadInputError, match="claimed by ada"):
        skip(ledger, "a", "bob", "too long", minutes(1))
    assert skip(ledger, "a", "ada", "unclear", minutes(1)).status == "skipped"
    skip(ledger, "a", "bob", "other", minutes(2))
    events = task_history(ledger, "a")
    assert (events[-1].actor, events[-1].details) == ("ada", {"reason": "unclear"})
    assert claim(ledger, "bob", at=3) is None


def test_unknown_tasks_are_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no annotation task x"):
        release(ledger, "x", "ada", T0)
    with pytest.raises(NotFoundError):
        skip(ledger, "x", "ada", "", T0)
    assert task_history(ledger, "x") == []


def test_tasks_are_counted_and_listed_by_status_and_run(ledger: Ledger) -> None:
    enqueue(ledger, [new("a", 1), new("b", 2), new("c", 3)], "r1", T0)
    enqueue(ledger, [new("d")], "r2", T0)
    claimed(ledger, "ada")
    skip(ledger, "b", "ada", "", T0)
    whole, part = counts(ledger), counts(ledger, "r1")
    assert (whole.pending, whole.claimed, whole.completed, whole.skipped, whole.open) == (2, 1, 0, 1, 3)
    assert (part.pending, part.open) == (1, 2)
    assert counts(ledger, "r9").open == 0
    assert [task.task_id for task in tasks(ledger, status="pending")] == ["c", "d"]
    assert [task.task_id for task in tasks(ledger, "r1", "skipped")] == ["b"]


def test_ten_thousand_tasks_are_enqueued_quickly(ledger: Ledger) -> None:
    proposed = [new(f"task-{number}", number) for number in range(10_000)]
    began = time.process_time()
    assert len(enqueue(ledger, proposed, "r1", T0).added) == 10_000
    assert time.process_time() - began < 2  # CPU time; 0.4 s measured
    assert len(enqueue(ledger, proposed, "r2", T0).already_asked) == 10_000
