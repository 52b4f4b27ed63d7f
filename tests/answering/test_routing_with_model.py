"""The shipped routes with the true model, on labelled questions by which nothing was chosen."""

from pathlib import Path

import pytest
import yaml

from blocks.embedder import open_embedder
from millrace.answering.routes import RoutingTable
from millrace.answering.routing import RoutingConfig, route_drafts
from millrace.answering.standalone import begin_drafts
from millrace.methods.text import normalise_question
from millrace.records.answer import Question
from millrace.records.rules import read_record
from millrace.records.trace import Turn, utc
from tasks.sources import table_path

DATA = Path(__file__).parent / "data"


def labelled(name: str) -> list[tuple[Question, str]]:
    """Questions with their labels, ``out_of_scope`` among them."""
    content = yaml.safe_load((DATA / f"routing_{name}.yaml").read_text(encoding="utf-8"))
    single = [(text, label, []) for label, texts in content["questions"].items() for text in texts]
    several = [(each["question"], each["route"], each["turns"]) for each in content["conversations"]]
    return [(_question(text, turns), label) for text, label, turns in [*single, *several]]


def _question(text: str, turns: list[tuple[str, str]]) -> Question:
    history = [Turn(speaker=speaker, text=said) for speaker, said in turns]
    return Question(question_id="q", tenant_id="a", time=utc(2026, 1, 1), question=text, history=history)


@pytest.fixture(scope="module")
def table() -> RoutingTable:
    return read_record(table_path("routes"), RoutingTable)


def test_no_test_question_is_an_utterance_or_a_development_question(table: RoutingTable) -> None:
    test = [normalise_question(question.question) for question, _ in labelled("test") if not question.history]
    known = {normalise_question(utterance) for route in table.routes for utterance in route.utterances}
    known |= {normalise_question(question.question) for question, _ in labelled("development")}
    assert len(test) == len(set(test)) >= 150
    assert [question for question in test if question in known] == []


def test_more_than_95_in_a_hundred_take_their_route(table: RoutingTable) -> None:
    cases = labelled("test")
    steps = route_drafts(begin_drafts([question for question, _ in cases]), table, open_embedder(), RoutingConfig())
    expected = [table.fallback if label == "out_of_scope" else label for _, label in cases]
    wrong = [
        (step.draft.question.question, label, step.draft.route)
        for step, label in zip(steps, expected, strict=True)
        if step.draft.route != label
    ]
    assert len(wrong) < 0.05 * len(cases), wrong
