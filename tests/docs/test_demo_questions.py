"""The demo's questions, their answer key, and the guide that both are about."""

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from millrace.methods.injection import InjectionRule, InjectionScreen
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.methods.text import content_words, numbers, words
from millrace.records.rules import read_rules
from millrace.records.trace import Turn

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
QUESTION_FIELDS = {"question_id", "tenant_id", "user_id", "session_id", "time", "question", "history", "kind"}
KEY_FIELDS = {"question_id", "expected_behaviour", "expected_answer", "source"}


def read_questions() -> list[dict[str, Any]]:
    text = (ROOT / "configs" / "demo" / "questions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def read_answer_key() -> list[dict[str, Any]]:
    content = yaml.safe_load((ROOT / "configs" / "demo" / "annotations.yaml").read_text(encoding="utf-8"))
    answers: list[dict[str, Any]] = content["answers"]
    return answers


QUESTIONS = read_questions()
KEY = {entry["question_id"]: entry for entry in read_answer_key()}
EXPECTED_ANSWERS = [entry for entry in KEY.values() if entry["expected_behaviour"] == "answer"]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [question for question in QUESTIONS if question["kind"] == kind]


def prose(page: str) -> str:
    """A page of the guide with thousands together: ``10 000`` is ``10000``."""
    text = (GUIDE / page).read_text(encoding="utf-8")
    return joined(text)


def joined(text: str) -> str:
    return re.sub(r"(?<=\d) (?=\d{3}\b)", "", text)


def test_every_question_has_one_key_and_every_key_a_question() -> None:
    ids = [question["question_id"] for question in QUESTIONS]
    key_ids = [entry["question_id"] for entry in read_answer_key()]
    assert len(set(ids)) == len(ids)
    assert sorted(key_ids) == sorted(ids)


def test_questions_and_keys_have_exactly_their_fields() -> None:
    assert {frozenset(question) for question in QUESTIONS} == {frozenset(QUESTION_FIELDS)}
    assert {frozenset(entry) for entry in KEY.values()} == {frozenset(KEY_FIELDS)}


def test_kinds_are_mixed_as_the_demo_needs_them() -> None:
    counted = Counter(question["kind"] for question in QUESTIONS)
    assert counted == {"answerable": 35, "unanswerable": 8, "out_of_scope": 7, "pii": 5, "injection": 5}


def test_times_lie_in_iso_week_46_of_2026_in_file_order() -> None:
    times = [datetime.fromisoformat(question["time"]) for question in QUESTIONS]
    assert {(time.isocalendar().year, time.isocalendar().week) for time in times} == {(2026, 46)}
    assert all(time.tzname() == "UTC" for time in times)
    assert times == sorted(times)


def test_questions_differ_and_all_belong_to_the_demo_tenant() -> None:
    texts = [" ".join(words(question["question"])) for question in QUESTIONS]
    assert len(set(texts)) == len(texts)
    assert {question["tenant_id"] for question in QUESTIONS} == {"demo"}


def test_histories_are_turns_that_end_before_the_question() -> None:
    histories = [[Turn.model_validate(turn) for turn in question["history"]] for question in QUESTIONS]
    with_history = [history for history in histories if history]
    assert len(with_history) >= 5
    assert {history[-1].speaker for history in with_history} == {"assistant"}


def test_the_kind_decides_the_expected_behaviour_but_for_personal_data() -> None:
    behaviour = {"answerable": "answer", "unanswerable": "abstain", "out_of_scope": "abstain", "injection": "block"}
    for question in QUESTIONS:
        entry = KEY[question["question_id"]]
        if question["kind"] == "pii":
            assert entry["expected_behaviour"] in ("answer", "abstain")
        else:
            assert entry["expected_behaviour"] == behaviour[question["kind"]]


def test_an_expected_answer_and_its_page_are_given_where_an_answer_is_expected_and_nowhere_else() -> None:
    for entry in KEY.values():
        answers = entry["expected_behaviour"] == "answer"
        assert (entry["expected_answer"] is not None) is answers
        assert (entry["source"] is not None) is answers


@pytest.mark.parametrize("entry", EXPECTED_ANSWERS, ids=lambda entry: entry["question_id"])
def test_the_numbers_of_an_expected_answer_occur_in_its_page(entry: dict[str, Any]) -> None:
    on_page = set(numbers(words(prose(entry["source"]))))
    assert set(numbers(words(joined(entry["expected_answer"])))) <= on_page


@pytest.mark.parametrize("entry", EXPECTED_ANSWERS, ids=lambda entry: entry["question_id"])
def test_most_content_words_of_an_expected_answer_occur_in_its_page(entry: dict[str, Any]) -> None:
    # The answers are in other words than the guide, so some words may be missing; of facts that the page does not
    # have, nearly all would be.
    expected = set(content_words(entry["expected_answer"]))
    found = expected & set(content_words(prose(entry["source"])))
    assert len(found) >= 0.6 * len(expected), expected - found


def test_every_question_with_personal_data_has_some_that_is_redacted_and_no_other_has() -> None:
    redactor = Redactor(read_rules(ROOT / "configs" / "pii.yaml", RedactionRule))
    redacted = {question["question_id"] for question in QUESTIONS if redactor.redact(question["question"]).counts}
    assert redacted == {question["question_id"] for question in of_kind("pii")}


def test_rules_find_all_injections_but_the_social_engineering_and_nothing_else() -> None:
    screen = InjectionScreen(read_rules(ROOT / "configs" / "injection.yaml", InjectionRule))
    found = {question["question_id"] for question in QUESTIONS if screen.match(question["question"])}
    injections = {question["question_id"] for question in of_kind("injection")}
    assert found < injections
    assert len(injections - found) == 1


def test_no_line_of_the_guide_looks_like_an_injection_or_personal_data() -> None:
    screen = InjectionScreen(read_rules(ROOT / "configs" / "injection.yaml", InjectionRule))
    redactor = Redactor(read_rules(ROOT / "configs" / "pii.yaml", RedactionRule))
    lines = [line for page in sorted(GUIDE.glob("*.md")) for line in page.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if screen.match(line) or redactor.redact(line).counts] == []
