"""Answers that say that there is none."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.methods.abstention import is_abstention

MTRAG = Path(__file__).parents[2].parent / "shared" / "data" / "mtrag" / "mtragun_reference.jsonl"


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.",
        "I do not know. Please ask support.",
        "I'm sorry, but I do not have that information.",
        "The documents do not mention a price.",
        "There is no information about this in the passages.",
        "I found nothing about this in the documents.",
        "No answer was found.",
    ],
)
def test_an_answer_that_only_disclaims_is_an_abstention(answer: str) -> None:
    assert is_abstention(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "It does not include VAT.",
        "There is no evidence that coffee causes cancer.",
        "You do not have to pay.",
        "We do not have to store it.",
        "I do not have the price. The fee is 5 euros.",
        "We have no information on that, but prices start at 5 euros.",
        "Please restart it.",
    ],
)
def test_an_answer_that_tells_something_is_none(answer: str) -> None:
    assert not is_abstention(answer)


@given(st.text(alphabet=st.characters(), max_size=100))
def test_no_text_breaks_it(text: str) -> None:
    is_abstention(text)


@pytest.mark.shared_data
def test_references_for_unanswerable_questions_are_told_from_the_others() -> None:
    if not MTRAG.exists():
        pytest.skip("MTRAG-UN is not beside the checkout")
    found: dict[bool, list[bool]] = {True: [], False: []}
    for line in MTRAG.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found["UNANSWERABLE" in row["answerability"]].append(is_abstention(row["targets"][0]["text"]))
    assert sum(found[True]) / len(found[True]) > 0.85
    assert sum(found[False]) == 0
