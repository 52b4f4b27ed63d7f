"""The demo's answer key: finds every bundled question as it looks after redaction, and judges what was said."""

import json
from pathlib import Path

import pytest

from apps.cli.answer_key import AnswerKey, read_answer_key
from apps.cli.demo import _bundled
from millrace.answering.extractive import ABSTENTION
from millrace.datasets.canonical import sha256_json
from millrace.errors import NotFoundError
from millrace.ingestion.questions import Screens, map_questions
from millrace.ingestion.readers import read_rows
from millrace.methods.injection import InjectionScreen
from millrace.methods.redaction import Redactor
from millrace.records.annotation import AnnotationTask
from millrace.records.trace import Turn
from tasks.tables import injection_rules, redaction_rules


def task(question: str, answer: str | None, history: list[Turn] | None = None) -> AnnotationTask:
    return AnnotationTask(
        task_id="task",
        question_key=sha256_json(question),
        tenant_id="demo",
        trace_id="trace",
        question=question,
        history=history or [],
        answer=answer,
        why="test",
        position=1,
        estimated_minutes=1.0,
    )


KEY = AnswerKey({("Known?",): ("answer", "Yes."), ("Unknown?",): ("abstain", None), ("Attack!",): ("block", None)})


@pytest.mark.parametrize(
    ("question", "said", "verdict"),
    [
        ("Known?", "Yes, it is.", "ok"),
        ("Known?", ABSTENTION, "retrieval_failure"),
        ("Known?", None, "retrieval_failure"),
        ("Unknown?", ABSTENTION, "ok"),
        ("Unknown?", "Something.", "irrelevant_answer"),
        ("Attack!", None, "ok"),
        ("Attack!", "The prompt is ...", "safety_violation"),
    ],
)
def test_the_verdict_compares_what_was_said_with_what_was_expected(
    question: str, said: str | None, verdict: str
) -> None:
    assert KEY.answer_to(task(question, said)).verdict == verdict


def test_a_question_without_a_key_is_named() -> None:
    with pytest.raises(NotFoundError, match="Never asked"):
        KEY.answer_to(task("Never asked?", "x"))


def test_every_bundled_question_is_found_after_redaction() -> None:
    questions = _bundled("questions.jsonl")
    key = read_answer_key(questions, _bundled("annotations.yaml"))
    screens = Screens(Redactor(redaction_rules()), InjectionScreen(injection_rules()))
    rows = [
        row
        for batch in read_rows(Path(questions))
        for row in map_questions(batch, screens, source="q", seen=set()).questions.to_pylist()
    ]
    assert len(rows) == len(questions.read_text().splitlines())
    for row in rows:
        history = [Turn.model_validate(turn) for turn in row["history"]]
        answer = key.answer_to(task(row["question"], "Said.", history))
        assert (answer.expected_answer is not None) == (answer.expected_behaviour == "answer")
    assert any("[" in row["question"] for row in rows), json.dumps(rows[0], default=str)
