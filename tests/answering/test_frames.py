"""A frame keeps the words by which something is asked and leaves out what it is about."""

from hypothesis import given
from hypothesis import strategies as st

from millrace.answering.frames import TOPIC, frame_of, frame_words

SAID = ["How many orders came in?", "How many orders failed?", "How do pumps work?"]


def test_words_of_two_utterances_at_least_make_frames() -> None:
    assert frame_words(SAID) == {"how", "many", "orders"}
    assert frame_words(["how how"]) == set()


def test_of_many_utterances_one_in_a_hundred_must_have_the_word() -> None:
    many = [f"how {number // 3}" for number in range(400)]  # every number stands in three or fewer of 400
    assert frame_words(many) == {"how"}


def test_a_run_of_other_words_is_one_topic() -> None:
    assert frame_of("How many blue pumps were there?", {"how", "many", "were"}) == "how many X were X"
    assert frame_of("?!", {"how"}) == ""


@given(st.text(max_size=60))
def test_without_known_words_every_text_is_a_topic(text: str) -> None:
    assert frame_of(text, ()) in ("", TOPIC)
