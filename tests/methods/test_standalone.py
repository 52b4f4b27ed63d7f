"""A question of a conversation is made to stand alone by the words of the user's turns before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.methods.standalone import depends_on_context, question_in_context, standalone_question, user_turns
from millrace.methods.text import content_words

RETRIES = "How do I set the retries of a Prefect task?"


def test_only_what_the_user_said_counts_and_blank_turns_do_not() -> None:
    turns = [("system", "Be brief."), ("user", " The mill "), ("assistant", "It is old."), ("user", "  ")]
    assert user_turns(turns) == ["The mill"]


@pytest.mark.parametrize(
    "question",
    [
        "And in Docker?",
        "Why?",
        "What about the warranty for long term business customers?",
        "How long does it take until workers start new runs?",
    ],
    ids=["too few words", "no word of content", "a continuation", "a pronoun"],
)
def test_a_question_that_leans_on_the_conversation_gets_the_words_of_its_topic(question: str) -> None:
    assert standalone_question(question, [RETRIES]) == f"{question} (set retries Prefect task)"


@pytest.mark.parametrize(
    "question", ["Which compressed file formats can be imported?", "thanks a lot!", "ok, good bye"]
)
def test_a_question_or_courtesy_that_is_complete_stays(question: str) -> None:
    assert standalone_question(question, [RETRIES]) == question


def test_a_pronoun_late_in_a_question_stands_for_something_in_it() -> None:
    asked = "When a worker of the pool loses its connection, how long does the server keep it?"
    assert standalone_question(asked, [RETRIES]) == asked


def test_without_a_conversation_nothing_is_added() -> None:
    assert standalone_question("And in Docker?", []) == "And in Docker?"


def test_words_are_taken_from_the_latest_turns_back_to_one_that_stands_by_itself() -> None:
    earlier = ["Where do the receipts of a finished run lie?", RETRIES, "And in Docker?"]
    assert standalone_question("Is it safe?", earlier) == "Is it safe? (Docker set retries Prefect task)"


def test_no_more_than_three_turns_are_looked_at() -> None:
    assert standalone_question("Why?", ["The mill", "The dam", "The rope", "The sluice"]) == "Why? (sluice rope dam)"


def test_words_that_the_question_has_are_not_repeated_whatever_their_form() -> None:
    assert standalone_question("Which tasks?", [RETRIES]) == "Which tasks? (set retries Prefect)"


def test_a_pasted_log_gives_no_more_than_twelve_words() -> None:
    log = " ".join(f"word{number}" for number in range(10_000))
    assert standalone_question("Why?", [log]) == f"Why? ({' '.join(f'word{number}' for number in range(12))})"


TEXTS = st.text(alphabet="ab it and the.?! ", max_size=30)


@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_the_question_is_kept_and_only_words_of_the_conversation_are_added(question: str, earlier: list[str]) -> None:
    found = standalone_question(question, earlier)
    assert found == question or found.startswith(f"{question.strip()} (")
    assert set(content_words(found)) <= set(content_words(" ".join([question, *earlier])))


def test_few_words_of_content_are_too_few() -> None:
    assert depends_on_context("Which limits of memory apply?")
    assert not depends_on_context("Which limits of memory apply to workers?")


def test_in_context_the_turns_come_in_full_and_in_their_order() -> None:
    earlier = ["Where do the receipts of a finished run lie?", RETRIES, "And in Docker?"]
    assert question_in_context("Is it safe?", earlier) == f"{RETRIES} And in Docker? Is it safe?"
    assert question_in_context("thanks!", earlier) == "thanks!"
