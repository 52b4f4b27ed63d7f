"""Where annotators differ, and what settles it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.annotation.disagreement import TaskOpinions, opinions
from millrace.records.annotation import Annotation
from millrace.records.trace import utc

T0 = utc(2026, 11, 9)


def said(annotator: str, verdict: str = "ok", *, at: int = 0, task: str = "task-1", **fields: Any) -> Annotation:
    fields = {"expected_behaviour": "abstain"} | fields
    row = {"annotation_id": f"{task}-{annotator}-{at}-{fields.get('adjudicates', False)}", "task_id": task}
    row |= {"trace_id": "t0", "annotator": annotator, "verdict": verdict, "submitted_at": minutes(at)}
    return Annotation.model_validate(row | fields)


def minutes(number: int) -> datetime:
    return T0 + timedelta(minutes=number)


def about(*annotations: Annotation) -> TaskOpinions:
    (found,) = opinions(annotations)
    return found


def test_the_last_answer_of_each_annotator_stands() -> None:
    found = about(said("bob", "ok"), said("ada", "hallucination"), said("ada", "ok", at=1))
    assert [(each.annotator, each.verdict) for each in found.answers] == [("ada", "ok"), ("bob", "ok")]
    assert (found.differs_in, found.wants_adjudication) == ([], False)


@pytest.mark.parametrize(
    ("first", "second", "fields"),
    [
        ({"verdict": "ok"}, {"verdict": "hallucination"}, ["verdict"]),
        ({"expected_behaviour": "block"}, {}, ["expected_behaviour"]),
        ({"support": "all"}, {"support": "part"}, ["support"]),
        ({"support": "all"}, {"support": None}, []),  # the second did not judge it
        ({"note": "a"}, {"note": "b"}, []),
        (
            {"verdict": "ok", "expected_behaviour": "block"},
            {"verdict": "system_error"},
            ["verdict", "expected_behaviour"],
        ),
    ],
)
def test_verdict_behaviour_and_support_are_compared(
    first: dict[str, Any], second: dict[str, Any], fields: list[str]
) -> None:
    found = about(said("ada", **first), said("bob", **second))
    assert found.differs_in == fields
    assert found.wants_adjudication is bool(fields)


def test_texts_of_expected_answers_are_not_compared() -> None:
    both = [
        said(name, expected_behaviour="answer", expected_answer=text) for name, text in [("ada", "Two."), ("bob", "2")]
    ]
    assert about(*both).differs_in == []


def test_an_adjudication_settles_and_is_nobodys_answer() -> None:
    found = about(said("ada"), said("bob", "hallucination"), said("ada", "hallucination", at=1, adjudicates=True))
    assert len(found.answers) == 2
    assert found.adjudication is not None
    assert (found.differs_in, found.settled, found.wants_adjudication) == (["verdict"], True, False)


def test_a_later_answer_that_differs_from_the_adjudication_opens_it_again() -> None:
    settled = [said("ada"), said("bob", "hallucination"), said("cyd", "ok", at=1, adjudicates=True)]
    assert not about(*settled, said("bob", "ok", at=2)).wants_adjudication  # bob follows it
    assert about(*settled, said("ada", "system_error", at=2)).wants_adjudication
    both = [said("ada", "system_error", at=2), said("bob", "system_error", at=2)]  # agreed, but on something else
    assert about(*settled, *both).wants_adjudication
    assert not about(*settled, *both, said("cyd", "ok", at=3, adjudicates=True)).wants_adjudication


@given(st.permutations([("ada", "ok", 0), ("bob", "hallucination", 0), ("ada", "system_error", 1), ("cyd", "ok", 2)]))
def test_the_order_of_annotations_does_not_matter(rows: list[tuple[str, str, int]]) -> None:
    tasks = [said(name, verdict, at=at, task=f"task-{at % 2}") for name, verdict, at in rows]
    found = opinions(tasks)
    assert [each.task_id for each in found] == ["task-0", "task-1"]
    assert found == opinions(sorted(tasks, key=lambda each: each.annotation_id))


def test_without_annotations_there_are_no_opinions() -> None:
    assert opinions([]) == []
