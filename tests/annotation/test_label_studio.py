"""Label Studio's JSON: tasks with pre-annotations, the labeling configuration, and annotations that come back."""

import xml.etree.ElementTree as ElementTree
from typing import get_args

import pytest

from millrace.annotation.exchange import GivenAnswer, settle
from millrace.annotation.label_studio import export_files, labeling_config, read_row
from millrace.records.annotation import AnnotationTask, AnswerVerdict

ANSWER = "Parcels 🎉 go back. We pay."
TASK = AnnotationTask(
    task_id="task-1", question_key="0" * 64, tenant_id="t", user_id="jane", trace_id="trace-1", question="Who pays?",
    history=[{"speaker": "user", "text": "Hello."}], contexts=[{"context_id": "c1", "text": "The customer pays."}],
    answer=ANSWER, failure_type="hallucination", why="least certain", position=1, estimated_minutes=2, confidence=0.7,
    sentences=[{"start": 19, "end": 26, "support": 0.1, "level": "lexical", "context_id": "c1"}],
)  # fmt: skip


def choice(name, *values):
    return {
        "value": {"choices": list(values)}, "id": f"id-{name}", "from_name": name, "to_name": "answer",
        "type": "choices", "origin": "manual",
    }  # fmt: skip


def typed(name, *texts):
    return {
        "value": {"text": list(texts)}, "id": f"id-{name}", "from_name": name, "to_name": "answer", "type": "textarea",
        "origin": "manual",
    }  # fmt: skip


def annotation(*results, **more):
    return {
        "id": 1001, "completed_by": 10, "result": list(results), "was_cancelled": False, "ground_truth": False,
        "created_at": "2026-11-09T22:16:08.728353Z", "updated_at": "2026-11-09T22:16:08.728378Z", "lead_time": 4.288,
        "result_count": 0, "task": 1,
    } | more  # fmt: skip


def exported(*annotations, **more):
    """A task of a JSON export.

    Source: https://labelstud.io/guide/task_format, the example and table of properties.
    """
    return {
        "id": 1, "created_at": "2026-11-09T21:52:49.513742Z", "updated_at": "2026-11-09T22:16:08.746926Z",
        "project": 83, "data": {"task_id": "task-1", "question": "Who pays?", "answer": "We do."},
        "annotations": list(annotations), "drafts": [], "predictions": [],
    } | more  # fmt: skip


USABLE = (choice("verdict", "hallucination"), choice("expected_behaviour", "abstain"))


def test_a_task_becomes_a_task_with_triage_as_prediction() -> None:
    assert export_files([TASK])["tasks.json"] == [
        {
            "data": {
                "task_id": "task-1", "trace_id": "trace-1", "failure_type": "hallucination", "confidence": 0.7,
                "position": 1, "estimated_minutes": 2.0, "question": "Who pays?", "answer": ANSWER,
                "history": [{"speaker": "user", "text": "Hello."}],
                "passages": [{"title": "[1] c1", "text": "The customer pays."}],
                "why": "Asked because: least certain\nTriage: hallucination.",
            },
            "predictions": [
                {
                    "model_version": "millrace-triage",
                    "score": 0.7,
                    "result": [
                        {
                            "id": "task-1-verdict", "from_name": "verdict", "to_name": "answer", "type": "choices",
                            "value": {"choices": ["hallucination"]},
                        },
                        {
                            "id": "task-1-sentence-1", "from_name": "sentence_support", "to_name": "answer",
                            "type": "labels",
                            "value": {"start": 19, "end": 26, "text": "We pay.", "labels": ["unsupported"]},
                        },
                    ],
                }
            ],
        }
    ]  # fmt: skip


def test_the_configuration_shows_what_tasks_hold_and_asks_what_is_read_back() -> None:
    config = ElementTree.fromstring(labeling_config())  # noqa: S314 - our own text
    shown = {each.get("value", "")[1:] for each in config.iter() if each.get("value", "").startswith("$")}
    assert shown <= set(export_files([TASK])["tasks.json"][0]["data"])
    names = {each.get("name") for each in config.iter()} - {None}
    assert {each.get("toName") for each in config.iter()} - {None} == {"answer"} <= names
    choices = next(each for each in config.iter("Choices") if each.get("name") == "verdict")
    assert tuple(each.get("value") for each in choices) == get_args(AnswerVerdict)
    results = export_files([TASK])["tasks.json"][0]["predictions"][0]["result"]
    assert {each["from_name"] for each in results} <= names


def test_texts_that_are_missing_have_a_stand_in_because_label_studio_wants_them() -> None:
    bare = TASK.model_copy(update={"answer": None, "history": [], "contexts": []})
    (written,) = export_files([bare])["tasks.json"]
    assert written["data"]["answer"] == "(no answer)"
    assert [result["from_name"] for result in written["predictions"][0]["result"]] == ["verdict"]


def test_an_annotation_becomes_an_answer() -> None:
    results = (
        choice("verdict", "hallucination"), choice("expected_behaviour", "answer"), choice("support", "part"),
        typed("expected_answer", "The customer."), typed("note", "one", "two"),
        {"from_name": "sentence_support", "to_name": "answer", "type": "labels", "id": "x",
         "value": {"start": 0, "end": 3, "text": "Par", "labels": ["supported"]}},
    )  # fmt: skip
    (taken,) = read_row(exported(annotation(*results)), 4, {"10": "ann"})
    assert isinstance(taken, GivenAnswer)
    assert (taken.place, taken.task_id, taken.annotator) == (4, "task-1", "ann")
    assert taken.answer.model_dump() == {
        "verdict": "hallucination", "expected_behaviour": "answer", "expected_answer": "The customer.",
        "note": "one\ntwo", "support": "part",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("completed_by", "name"),
    [
        (10, "label-studio:10"),
        ({"id": 10, "email": "ann@example.com", "first_name": "", "last_name": ""}, "ann@example.com"),
        ({"id": 11}, "max"),
        (11, "max"),
        (None, "label-studio:unknown"),
    ],
)
def test_annotators_are_named_by_their_address_or_the_names_given(completed_by, name) -> None:
    (taken,) = read_row(exported(annotation(*USABLE, completed_by=completed_by)), 1, {"11": "max"})
    assert taken.annotator == name


def test_a_task_that_nobody_annotated_gives_nothing() -> None:
    assert read_row(exported(), 1, {}) == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("text", "malformed"),
        ({}, "malformed"),
        ({"data": {"task_id": "task-1"}}, "malformed"),
        (exported(annotation(*USABLE), data={"text": "another project"}), "malformed"),
        (exported(None), "malformed"),
        (exported({"result": 3}), "malformed"),
        (exported(annotation(choice("verdict", "ok", "hallucination"))), "malformed"),
        (exported(annotation(choice("verdict"))), "malformed"),
        (exported(annotation({"from_name": "verdict", "value": {"rating": 3}})), "malformed"),
        (exported(annotation(was_cancelled=True)), "discarded"),
        (exported(annotation(choice("verdict", "ok"))), "incomplete"),
        (exported(annotation(choice("verdict", "x"), choice("expected_behaviour", "block"))), "invalid"),
        (exported(annotation(choice("verdict", "ok"), choice("expected_behaviour", "answer"))), "invalid"),
        (exported(annotation(*USABLE, completed_by={"email": "x" * 600})), "malformed"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_reason(row, reason) -> None:
    (refused,) = read_row(row, 3, {})
    assert (refused.place, refused.reason) == (3, reason)


def test_of_one_persons_answers_to_a_task_the_latest_stands_whatever_the_order() -> None:
    newer = annotation(
        choice("verdict", "ok"), choice("expected_behaviour", "block"), updated_at="2026-11-10T00:00:00Z"
    )
    row = exported(newer, annotation(*USABLE))
    standing, old = settle(read_row(row, 1, {}))
    assert (standing.answer.verdict, old.reason) == ("ok", "superseded")
