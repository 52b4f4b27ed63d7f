"""Argilla 2's records and settings: what is written, and what is read back."""

import json

import pytest

from millrace.annotation.argilla import export_files, read_row
from millrace.annotation.exchange import GivenAnswer, settle
from millrace.records.annotation import AnnotationTask

ANN, BOB = "0a2b4c6d-0000-4000-8000-000000000001", "0a2b4c6d-0000-4000-8000-000000000002"
ANSWER = "Parcels 🎉 go back. We pay."
TASK = AnnotationTask(
    task_id="task-1", question_key="0" * 64, tenant_id="t", user_id="jane", trace_id="trace-1", question="Who pays?",
    history=[{"speaker": "user", "text": "Hello."}], contexts=[{"context_id": "c1", "text": "The customer pays."}],
    answer=ANSWER, failure_type="hallucination", why="least certain", position=1, estimated_minutes=2, confidence=0.7,
    triage_reason="Groundedness is low.",
    sentences=[
        {"start": 0, "end": 18, "support": 0.9, "level": "lexical", "context_id": "c1"},
        {"start": 19, "end": 26, "support": 0.1, "level": "lexical", "context_id": "c1"},
    ],
)  # fmt: skip


def record(responses, **more):
    """A record as ``rg.Record.to_dict`` gives it.

    Source: https://docs.argilla.io/latest/reference/argilla/records/records (``to_dict``) and
    https://docs.argilla.io/latest/how_to_guides/import_export (``records.to_json``).
    """
    return {
        "id": "task-1",
        "fields": {"question": "Who pays?", "answer": "We do."},
        "metadata": {"task_id": "task-1"},
        "suggestions": {"verdict": {"value": "ok", "score": 0.3, "agent": "model"}},
        "responses": responses,
        "vectors": {},
        "status": "completed",
        "_server_id": "5f0b9d6e-6f5c-4a5d-9c0f-111111111111",
    } | more


def given(user=ANN, **values):
    return {name: [{"value": value, "user_id": user}] for name, value in values.items()}


def test_a_task_becomes_a_record_with_triage_as_suggestion() -> None:
    written = export_files([TASK])["records.json"]
    assert written == [
        {
            "id": "task-1",
            "fields": {
                "question": "Who pays?",
                "history": "user: Hello.",
                "answer": ANSWER,
                "passages": "[1] c1\nThe customer pays.",
                "why": "Asked because: least certain\nTriage: hallucination. Groundedness is low.",
            },
            "metadata": {
                "task_id": "task-1", "trace_id": "trace-1", "failure_type": "hallucination", "confidence": 0.7,
                "position": 1, "estimated_minutes": 2.0,
            },
            "suggestions": {
                "verdict": {"value": "hallucination", "score": 0.7, "agent": "millrace triage"},
                "sentence_support": {
                    "value": [
                        {"start": 0, "end": 18, "label": "supported"},
                        {"start": 19, "end": 26, "label": "unsupported"},
                    ],
                    "score": None,
                    "agent": "millrace groundedness",
                },
            },
            "responses": {},
            "vectors": {},
            "status": "pending",
            "_server_id": None,
        }
    ]  # fmt: skip


def test_nobody_who_asked_is_named() -> None:
    assert "jane" not in json.dumps(export_files([TASK]))


def test_every_suggestion_has_a_question_and_every_field_a_setting() -> None:
    files = export_files([TASK])
    settings = files[".argilla/settings.json"]
    assert set(files["records.json"][0]["suggestions"]) <= {each["name"] for each in settings["questions"]}
    assert set(files["records.json"][0]["fields"]) <= {each["name"] for each in settings["fields"]}
    assert set(files["records.json"][0]["metadata"]) <= {each["name"] for each in settings["metadata"]}


def test_settings_have_the_shape_that_argilla_serialises() -> None:
    # the output of rg.Settings.serialize() of Argilla 2.8 for a label, a text and a span question, written down
    settings = export_files([TASK], "Read well.")[".argilla/settings.json"]
    new = {"id": None, "inserted_at": None, "updated_at": None, "dataset_id": None, "description": None}
    questions = {each["name"]: each for each in settings["questions"]}
    assert questions["support"] == new | {
        "name": "support", "title": "How much of what the answer claims do the passages support?", "required": False,
        "type": "label_selection",
        "settings": {
            "type": "label_selection", "visible_options": 3,
            "options": [{"text": each, "value": each} for each in ("all", "part", "none")],
        },
    }  # fmt: skip
    assert questions["note"] == new | {
        "name": "note", "title": "Note", "required": False, "type": "text",
        "settings": {"type": "text", "use_markdown": False},
    }  # fmt: skip
    assert questions["sentence_support"]["settings"] == {
        "type": "span", "visible_options": 3, "allow_overlapping": False, "field": "answer",
        "options": [{"text": each, "value": each} for each in ("supported", "doubtful", "unsupported")],
    }  # fmt: skip
    assert settings["guidelines"] == "Read well."
    assert settings["distribution"] == {"strategy": "overlap", "min_submitted": 1}


def test_a_blank_answer_is_left_out_with_its_marks() -> None:
    written = export_files([TASK.model_copy(update={"answer": None})])["records.json"][0]
    assert "answer" not in written["fields"]
    assert "sentence_support" not in written["suggestions"]


def test_responses_become_one_answer_per_user() -> None:
    responses = {
        "verdict": [{"value": "hallucination", "user_id": ANN}, {"value": "ok", "user_id": BOB}],
        "expected_behaviour": [{"value": "answer", "user_id": ANN}, {"value": "abstain", "user_id": BOB}],
        "expected_answer": [{"value": " The customer. ", "user_id": ANN}],
        "support": [{"value": "none", "user_id": ANN}],
        "sentence_support": [{"value": [], "user_id": ANN}],
    }
    first, second = read_row(record(responses), 7, {ANN: "ann"})
    assert isinstance(first, GivenAnswer)
    assert (first.place, first.task_id, first.annotator) == (7, "task-1", "ann")
    assert first.answer.model_dump() == {
        "verdict": "hallucination", "expected_behaviour": "answer", "expected_answer": "The customer.", "note": None,
        "support": "none",
    }  # fmt: skip
    assert second.annotator == f"argilla:{BOB}"


def test_an_expected_answer_beside_an_abstention_is_left_out() -> None:
    (taken,) = read_row(record(given(verdict="ok", expected_behaviour="abstain", expected_answer="x")), 1, {})
    assert isinstance(taken, GivenAnswer)
    assert taken.answer.expected_answer is None


def test_a_record_that_nobody_answered_gives_nothing() -> None:
    assert read_row(record({}), 1, {}) == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("text", "malformed"),
        (None, "malformed"),
        ([], "malformed"),
        ({"id": "task-1"}, "malformed"),
        (record({}, id=3), "malformed"),
        (record({"verdict": [{"value": "ok"}]}), "malformed"),
        (record({"verdict": [3]}), "malformed"),
        (record({"verdict": 3}), "malformed"),
        (record(given(verdict="ok")), "incomplete"),
        (record(given(verdict="bad", expected_behaviour="abstain")), "invalid"),
        (record(given(verdict=["ok"], expected_behaviour="abstain")), "invalid"),
        (record(given(verdict="ok", expected_behaviour="answer")), "invalid"),
        (record({"verdict": [{"value": "ok", "user_id": ANN, "status": "discarded"}]}), "discarded"),
        (record({"verdict": [{"value": "ok", "user_id": ANN, "status": "draft"}]}), "not_submitted"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_reason(row, reason) -> None:
    (refused,) = read_row(row, 3, {})
    assert (refused.place, refused.reason) == (3, reason)


def test_of_one_persons_answers_to_a_task_the_last_stands() -> None:
    first = read_row(record(given(verdict="ok", expected_behaviour="abstain")), 1, {})
    last = read_row(record(given(verdict="hallucination", expected_behaviour="abstain")), 2, {})
    old, new = settle([*first, *last])
    assert (old.reason, new.answer.verdict) == ("superseded", "hallucination")
