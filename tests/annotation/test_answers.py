"""What a person may answer, and how a bad answer is explained."""

from typing import Any

import pytest

from millrace.annotation.answers import (
    annotation_of,
    annotations_table,
    answer_problems,
    make_annotation,
    read_answer,
)
from millrace.datasets.schema import rows_of
from millrace.errors import BadInputError
from millrace.ledger.annotations import Annotation as SubmittedAnswer
from millrace.records.annotation import Annotation, AnnotationAnswer, AnnotationTask
from millrace.records.trace import utc

TASK = AnnotationTask(
    task_id="task-1",
    question_key="0" * 64,
    tenant_id="a",
    trace_id="t0",
    question="How long?",
    why="test",
    position=1,
    estimated_minutes=1.0,
)
GOOD = {"verdict": "hallucination", "expected_behaviour": "answer", "expected_answer": "Two years."}


def test_a_good_answer_is_read() -> None:
    answer = read_answer(GOOD | {"expected_answer": "  Two years.\n", "note": " "})
    assert isinstance(answer, AnnotationAnswer)
    assert (answer.expected_answer, answer.note) == ("Two years.", None)
    assert answer_problems(answer) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"expected_answer": None}, "write the answer"),
        ({"expected_answer": "  "}, "write the answer"),
        ({"expected_behaviour": "abstain"}, "expected to abstain"),
        ({"expected_behaviour": "block"}, "expected to block"),
        ({"verdict": "bad"}, "verdict"),
        ({"colour": "red"}, "colour"),
        ({"note": "x" * 20_001}, "note"),
    ],
)
def test_a_bad_answer_is_explained(fields: dict[str, Any], said: str) -> None:
    problems = read_answer(GOOD | fields)
    assert isinstance(problems, list)
    assert len(problems) == 1
    assert said in problems[0]


def test_all_wrong_fields_are_named_at_once() -> None:
    problems = read_answer({"verdict": "bad", "expected_behaviour": "sing"})
    assert isinstance(problems, list)
    assert [problem.split(":")[0] for problem in problems] == ["verdict", "expected_behaviour"]


def test_the_same_answer_again_gives_the_same_id_and_another_one_another() -> None:
    answer = AnnotationAnswer.model_validate(GOOD)
    first = make_annotation(TASK, answer, annotator="ann", submitted_at=utc(2026, 11, 9))
    again = make_annotation(TASK, answer, annotator="ann", submitted_at=utc(2026, 11, 10))
    other = make_annotation(TASK, answer, annotator="ben", submitted_at=utc(2026, 11, 9))
    changed = make_annotation(
        TASK, answer.model_copy(update={"note": "sure"}), annotator="ann", submitted_at=utc(2026, 11, 9)
    )
    assert first.annotation_id == again.annotation_id
    assert len({first.annotation_id, other.annotation_id, changed.annotation_id}) == 3
    assert rows_of(Annotation, annotations_table([again, first])) == [first]


def test_an_adjudication_is_another_annotation_than_the_same_persons_answer() -> None:
    answer = AnnotationAnswer.model_validate(GOOD)
    own, settling = (
        make_annotation(TASK, answer, annotator="ann", submitted_at=utc(2026, 11, 9), adjudicates=adjudicates)
        for adjudicates in (False, True)
    )
    assert (own.adjudicates, settling.adjudicates) == (False, True)
    assert own.annotation_id != settling.annotation_id


@pytest.mark.parametrize("verdict", ["ok", "hallucination", "system_error"])
def test_support_goes_with_every_verdict_and_is_dropped_where_the_trace_has_no_answer(verdict: str) -> None:
    fields = {"verdict": verdict, "expected_behaviour": "abstain", "support": "part"}
    answer = read_answer(fields)
    assert isinstance(answer, AnnotationAnswer)
    traces = [TASK, TASK.model_copy(update={"answer": " "}), TASK.model_copy(update={"answer": "Two."})]
    made = [make_annotation(task, answer, annotator="ann", submitted_at=utc(2026, 11, 9)).support for task in traces]
    assert made == [None, None, "part"]
    assert [annotation_of(submitted(fields), task).support for task in traces] == [None, None, "part"]


def submitted(answer: Any, adjudicates: bool = False) -> SubmittedAnswer:
    return SubmittedAnswer(
        sequence=1,
        annotation_id="a" * 64,
        task_id="task-1",
        annotator="ann",
        answer=answer,
        submitted_at=utc(2026, 11, 9),
        replaces=None,
        adjudicates=adjudicates,
    )


def test_an_answer_of_the_ledger_keeps_its_id_and_its_role() -> None:
    found = annotation_of(submitted(GOOD, adjudicates=True), TASK)
    assert (found.annotation_id, found.trace_id, found.adjudicates) == ("a" * 64, "t0", True)
    assert found.expected_answer == "Two years."


@pytest.mark.parametrize("stored", ["good", None, {"verdict": "good"}, GOOD | {"expected_answer": None}])
def test_what_is_no_answer_in_the_ledger_is_explained(stored: Any) -> None:
    with pytest.raises(BadInputError, match="the stored answer of ann to task task-1 cannot be used"):
        annotation_of(submitted(stored), TASK)


def test_an_answer_with_problems_makes_no_annotation() -> None:
    answer = AnnotationAnswer(verdict="ok", expected_behaviour="answer")
    with pytest.raises(BadInputError, match="task-1: expected_answer"):
        make_annotation(TASK, answer, annotator="ann", submitted_at=utc(2026, 11, 9))


def test_the_table_does_not_depend_on_the_order() -> None:
    answer = AnnotationAnswer.model_validate(GOOD)
    rows = [make_annotation(TASK, answer, annotator=name, submitted_at=utc(2026, 11, 9)) for name in "abc"]
    assert annotations_table(rows).equals(annotations_table(reversed(rows)))
    assert annotations_table([]).num_rows == 0
