"""A task that several people are to answer, each by themselves; and settling their answers where they differ."""

from datetime import UTC, datetime, timedelta

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.annotations import (
    Annotation,
    adjudicate,
    annotations_for,
    answer_history,
    latest_annotation_sequence,
    submit,
)
from millrace.ledger.queue import claim_next, enqueue, release, skip, tasks_for
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, Task, counts, task_history, tasks

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)


def minutes(number: int) -> datetime:
    return T0 + timedelta(minutes=number)


@pytest.fixture(autouse=True)
def one_task_for_two(ledger: Ledger) -> None:
    """``two`` wants two annotators; ``one``, asked after it, wants one."""
    proposed = [
        NewTask(task_id="two", question_key="two", tenant_id="t", position=0, payload={}, n_annotators=2),
        NewTask(task_id="one", question_key="one", tenant_id="t", position=1, payload={}),
    ]
    enqueue(ledger, proposed, "r1", T0)


def claimed(ledger: Ledger, annotator: str, at: int = 0) -> str | None:
    task = claim_next(ledger, annotator, minutes(at), minutes(at + 10))
    return task and task.task_id


def two(ledger: Ledger) -> Task:
    return tasks(ledger)[0]


def said(found: list[Annotation]) -> list[tuple[str, object, bool]]:
    return [(each.annotator, each.answer, each.adjudicates) for each in found]


def test_two_people_hold_it_at_once_and_a_third_gets_another(ledger: Ledger) -> None:
    assert [claimed(ledger, name) for name in ("ada", "bob", "cyd", "dan")] == ["two", "two", "one", None]
    assert [claim.annotator for claim in two(ledger).claims] == ["ada", "bob"]
    assert counts(ledger).claimed == 2


def test_whoever_claims_sees_only_the_own_claim(ledger: Ledger) -> None:
    claimed(ledger, "ada")
    task = claim_next(ledger, "bob", minutes(1), minutes(11))
    assert task is not None
    assert (task.claimed_by, task.claim_expires_at, len(task.claims)) == ("bob", minutes(11), 1)


def test_it_stays_open_until_two_different_people_answered(ledger: Ledger) -> None:
    claimed(ledger, "ada")
    submit(ledger, "two", "ada", "good", minutes(1))
    assert (two(ledger).status, two(ledger).n_answers, two(ledger).claims) == ("pending", 1, [])
    submit(ledger, "two", "ada", "bad", minutes(2))  # the same person again is no second opinion
    assert (two(ledger).status, two(ledger).n_answers) == ("pending", 1)
    submit(ledger, "two", "bob", "good", minutes(3))
    assert (two(ledger).status, two(ledger).n_answers) == ("completed", 2)
    assert counts(ledger).completed == 1


def test_it_is_never_given_again_to_somebody_who_answered(ledger: Ledger) -> None:
    submit(ledger, "two", "ada", "good", T0)
    assert claimed(ledger, "ada") == "one"
    assert claimed(ledger, "bob") == "two"
    assert claimed(ledger, "ada", at=20) == "one"  # also when every claim has ended


def test_the_first_answer_leaves_the_other_claim_as_it_is(ledger: Ledger) -> None:
    claimed(ledger, "ada")
    claimed(ledger, "bob")
    submit(ledger, "two", "ada", "good", minutes(1))
    assert (two(ledger).status, two(ledger).claimed_by) == ("claimed", "bob")
    assert claimed(ledger, "cyd", at=2) == "one"  # one has answered, one holds it: nobody else is wanted
    submit(ledger, "two", "bob", "bad", minutes(3))
    assert (two(ledger).status, two(ledger).claims) == ("completed", [])


def test_a_third_person_gets_it_when_a_claim_has_ended(ledger: Ledger) -> None:
    claimed(ledger, "ada")
    claimed(ledger, "bob", at=5)
    assert claimed(ledger, "cyd", at=10) == "two"  # ada's ended, bob's runs to 15
    assert [claim.annotator for claim in two(ledger).claims] == ["bob", "cyd"]
    assert task_history(ledger, "two")[-1].details["lapsed_claim_of"] == "ada"
    with pytest.raises(BadInputError, match="claimed by bob and cyd until 2026-01-05T12:15"):
        submit(ledger, "two", "ada", "good", minutes(11))
    submit(ledger, "two", "ada", "good", minutes(15))  # bob's has ended too: there is room again
    assert [claim.annotator for claim in two(ledger).claims] == ["bob", "cyd"]
    submit(ledger, "two", "cyd", "good", minutes(16))
    assert (two(ledger).status, two(ledger).claims) == ("completed", [])


def test_an_answer_can_be_edited_while_another_holds_the_task(ledger: Ledger) -> None:
    submit(ledger, "two", "ada", "good", T0)
    claimed(ledger, "bob")
    submit(ledger, "two", "ada", "bad", minutes(1))
    assert said(annotations_for(ledger)) == [("ada", "bad", False)]
    assert two(ledger).claimed_by == "bob"


def test_release_gives_back_the_own_claim_alone(ledger: Ledger) -> None:
    claimed(ledger, "ada")
    claimed(ledger, "bob")
    with pytest.raises(BadInputError, match="claimed by ada and bob"):
        release(ledger, "two", "cyd", minutes(1))
    assert release(ledger, "two", "ada", minutes(1)).status == "claimed"
    assert release(ledger, "two", "ada", minutes(1)).claimed_by == "bob"
    assert release(ledger, "two", "bob", minutes(1)).status == "pending"


def test_a_skip_puts_it_aside_for_all_and_the_answers_stay_and_can_be_completed(ledger: Ledger) -> None:
    claimed(ledger, "ada")
    claimed(ledger, "bob")
    with pytest.raises(BadInputError, match="claimed by ada and bob"):
        skip(ledger, "two", "cyd", "unclear", minutes(1))
    assert skip(ledger, "two", "bob", "unclear", minutes(1)).claims == []
    assert claimed(ledger, "cyd", at=2) == "one"
    submit(ledger, "two", "ada", "good", minutes(3))  # ada's work is not lost
    assert (two(ledger).status, two(ledger).n_answers) == ("skipped", 1)
    submit(ledger, "two", "cyd", "good", minutes(4))
    assert two(ledger).status == "completed"


def test_somebody_without_a_claim_does_not_skip_what_another_works_on(ledger: Ledger) -> None:
    claimed(ledger, "ada")
    with pytest.raises(BadInputError, match="claimed by ada"):
        skip(ledger, "two", "bob", "unclear", minutes(1))  # though a second annotator is wanted
    assert two(ledger).claimed_by == "ada"


def test_nobody_sees_anothers_answer_while_the_task_is_open(ledger: Ledger) -> None:
    submit(ledger, "two", "ada", "good", T0)
    submit(ledger, "two", "ada", "bad", minutes(1))
    assert said(answer_history(ledger, "two", seen_by="bob")) == []
    assert said(answer_history(ledger, "two", seen_by="ada")) == [("ada", "good", False), ("ada", "bad", False)]
    submit(ledger, "two", "bob", "good", minutes(2))
    everything = [("ada", "good", False), ("ada", "bad", False), ("bob", "good", False)]
    assert said(answer_history(ledger, "two", seen_by="bob")) == everything
    assert said(answer_history(ledger, "two")) == everything
    with pytest.raises(NotFoundError):
        answer_history(ledger, "x", seen_by="bob")


def test_of_a_task_put_aside_those_who_answered_see_all(ledger: Ledger) -> None:
    submit(ledger, "two", "ada", "good", T0)
    skip(ledger, "two", "bob", "unclear", minutes(1))
    assert said(answer_history(ledger, "two", seen_by="ada")) == [("ada", "good", False)]
    assert answer_history(ledger, "two", seen_by="cyd") == []  # who could still answer


def disagree(ledger: Ledger) -> None:
    submit(ledger, "two", "ada", "good", T0)
    submit(ledger, "two", "bob", "bad", T0)


def test_an_adjudication_stands_beside_the_answers_after_them(ledger: Ledger) -> None:
    disagree(ledger)
    settled = adjudicate(ledger, "two", "aba", "good", minutes(1))
    assert (settled.adjudicates, settled.replaces) == (True, None)
    assert said(annotations_for(ledger)) == [("ada", "good", False), ("bob", "bad", False), ("aba", "good", True)]
    assert (two(ledger).status, two(ledger).n_answers) == ("completed", 2)
    assert task_history(ledger, "two")[-1].event == "adjudicated"


def test_an_annotator_may_settle_and_the_own_answer_stays(ledger: Ledger) -> None:
    disagree(ledger)
    adjudicate(ledger, "two", "ada", "bad", minutes(1))
    assert said(annotations_for(ledger)) == [("ada", "good", False), ("bob", "bad", False), ("ada", "bad", True)]
    submit(ledger, "two", "ada", "bad", minutes(2))  # an edit replaces the answer, not the adjudication
    assert said(annotations_for(ledger)) == [("ada", "bad", False), ("bob", "bad", False), ("ada", "bad", True)]


def test_a_later_adjudication_replaces_the_earlier_whoever_gives_it(ledger: Ledger) -> None:
    disagree(ledger)
    first = adjudicate(ledger, "two", "cyd", "good", minutes(1))
    assert adjudicate(ledger, "two", "cyd", "good", minutes(2)) == first
    second = adjudicate(ledger, "two", "dan", "bad", minutes(3))
    assert second.replaces == first.annotation_id
    assert said(annotations_for(ledger))[-1] == ("dan", "bad", True)
    assert len(answer_history(ledger, "two")) == 4


def test_the_same_adjudication_after_a_new_answer_is_given_anew(ledger: Ledger) -> None:
    disagree(ledger)
    first = adjudicate(ledger, "two", "cyd", "good", minutes(1))
    submit(ledger, "two", "bob", "worse", minutes(2))
    again = adjudicate(ledger, "two", "cyd", "good", minutes(3))
    assert again.replaces == first.annotation_id


def test_what_counted_before_the_adjudication_can_be_asked_for(ledger: Ledger) -> None:
    disagree(ledger)
    upto = latest_annotation_sequence(ledger)
    adjudicate(ledger, "two", "cyd", "good", minutes(1))
    assert len(annotations_for(ledger, sequence_upto=upto)) == 2


def test_only_two_answers_to_a_complete_task_can_be_settled(ledger: Ledger) -> None:
    submit(ledger, "two", "ada", "good", T0)
    with pytest.raises(BadInputError, match="1 of the 2 answers"):
        adjudicate(ledger, "two", "cyd", "good", T0)
    submit(ledger, "one", "ada", "good", T0)
    with pytest.raises(BadInputError, match="nothing to settle"):
        adjudicate(ledger, "one", "cyd", "good", T0)
    submit(ledger, "one", "bob", "bad", T0)  # a second opinion that nobody asked for can be settled too
    assert adjudicate(ledger, "one", "cyd", "good", T0).adjudicates
    with pytest.raises(NotFoundError):
        adjudicate(ledger, "x", "cyd", "good", T0)


def test_a_task_wants_at_least_one_annotator() -> None:
    with pytest.raises(ValueError, match="n_annotators"):
        NewTask(task_id="a", question_key="a", tenant_id="t", position=0, payload={}, n_annotators=0)


def test_the_tasks_for_somebody_are_those_that_claiming_would_give(ledger: Ledger) -> None:
    def open_for(annotator: str, at: int, run_id: str | None = None) -> list[str]:
        return [task.task_id for task in tasks_for(ledger, annotator, minutes(at), run_id)]

    submit(ledger, "two", "ada", "good", T0)
    assert (open_for("ada", 0), open_for("bob", 0)) == (["one"], ["two", "one"])
    claimed(ledger, "bob")
    assert (open_for("bob", 1), open_for("cyd", 1), open_for("cyd", 10)) == (["two", "one"], ["one"], ["two", "one"])
    assert open_for("cyd", 10, "r2") == []
