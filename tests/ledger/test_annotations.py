from datetime import UTC, datetime, timedelta

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.annotations import Annotation, annotations_for, latest_annotation_sequence, submit
from millrace.ledger.queue import claim_next, enqueue, skip
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, counts, task_history, tasks

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)


def minutes(number: int) -> datetime:
    return T0 + timedelta(minutes=number)


@pytest.fixture(autouse=True)
def three_tasks(ledger: Ledger) -> None:
    proposed = [
        NewTask(task_id=name, question_key=name, tenant_id="t1", position=position, payload={})
        for position, name in enumerate(["b", "a", "c"])
    ]
    enqueue(ledger, proposed, "r1", T0)


def answers(found: list[Annotation]) -> list[tuple[str, str, object]]:
    return [(annotation.task_id, annotation.annotator, annotation.answer) for annotation in found]


def test_an_answer_completes_the_task_and_frees_the_claim(ledger: Ledger) -> None:
    claim_next(ledger, "ada", T0, minutes(10))
    submit(ledger, "b", "ada", {"label": "good"}, minutes(1))
    task = tasks(ledger, status="completed")[0]
    assert (task.task_id, task.claimed_by, task.claim_expires_at) == ("b", None, None)
    assert [entry.event for entry in task_history(ledger, "b")] == ["enqueued", "claimed", "submitted"]
    assert counts(ledger).completed == 1


def test_the_same_answer_again_changes_nothing(ledger: Ledger) -> None:
    first = submit(ledger, "a", "ada", {"label": "good", "why": "x"}, T0)
    assert submit(ledger, "a", "ada", {"why": "x", "label": "good"}, minutes(9)) == first
    assert len(task_history(ledger, "a")) == 2


def test_another_answer_replaces_the_annotators_own_and_both_are_kept(ledger: Ledger) -> None:
    first = submit(ledger, "a", "ada", "good", T0)
    second = submit(ledger, "a", "ada", "bad", minutes(1))
    third = submit(ledger, "a", "ada", "good", minutes(2))  # back to the first answer: a change too
    assert [entry.replaces for entry in (first, second, third)] == [None, first.annotation_id, second.annotation_id]
    assert len({first.annotation_id, second.annotation_id, third.annotation_id}) == 3
    assert annotations_for(ledger) == [third]
    assert [entry.event for entry in task_history(ledger, "a")] == ["enqueued", "submitted", "replaced", "replaced"]


def test_what_counted_at_a_sequence_can_be_asked_for_later(ledger: Ledger) -> None:
    assert latest_annotation_sequence(ledger) == 0
    assert annotations_for(ledger, sequence_upto=0) == []
    submit(ledger, "a", "ada", "good", T0)
    upto = latest_annotation_sequence(ledger)
    submit(ledger, "a", "ada", "bad", minutes(1))
    submit(ledger, "b", "ada", "good", minutes(2))
    assert answers(annotations_for(ledger, sequence_upto=upto)) == [("a", "ada", "good")]
    assert answers(annotations_for(ledger)) == [("b", "ada", "good"), ("a", "ada", "bad")]


def test_answers_come_in_the_order_of_the_tasks_then_of_annotators(ledger: Ledger) -> None:
    for task_id, annotator in [("c", "ada"), ("a", "bob"), ("a", "ada"), ("b", "bob")]:
        submit(ledger, task_id, annotator, 1, T0)
    expected = [("b", "bob", 1), ("a", "ada", 1), ("a", "bob", 1), ("c", "ada", 1)]
    assert answers(annotations_for(ledger)) == expected
    assert answers(annotations_for(ledger, ["c", "a", "a", "unknown"])) == expected[1:]
    assert annotations_for(ledger, []) == []


def test_a_task_that_somebody_else_holds_takes_no_answer(ledger: Ledger) -> None:
    claim_next(ledger, "ada", T0, minutes(10))
    with pytest.raises(BadInputError, match=r"task b is claimed by ada until 2026-01-05T12:10:00\+00:00") as caught:
        submit(ledger, "b", "bob", "good", minutes(9))
    assert caught.value.details["claimed_by"] == "ada"
    assert annotations_for(ledger) == []
    submit(ledger, "b", "bob", "good", minutes(10))  # the claim has ended
    submit(ledger, "b", "ada", "bad", minutes(11))  # and the answer of whoever held it is not lost
    assert answers(annotations_for(ledger, ["b"])) == [("b", "ada", "bad"), ("b", "bob", "good")]


def test_an_answer_to_a_skipped_task_completes_it_and_an_answered_task_is_not_skipped(ledger: Ledger) -> None:
    skip(ledger, "a", "ada", "unclear", T0)
    submit(ledger, "a", "ada", "good", minutes(1))
    assert [task.task_id for task in tasks(ledger, status="completed")] == ["a"]
    with pytest.raises(BadInputError, match="answered already"):
        skip(ledger, "a", "ada", "unclear", minutes(2))


def test_answers_to_unknown_tasks_or_without_a_json_form_are_refused(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no annotation task x"):
        submit(ledger, "x", "ada", "good", T0)
    with pytest.raises(BadInputError, match="canonical JSON"):
        submit(ledger, "a", "ada", {1, 2}, T0)
    assert len(tasks(ledger, status="pending")) == 3
