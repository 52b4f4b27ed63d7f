"""Sentences, words, numbers and names."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from millrace.methods.text import (
    bigrams,
    content_words,
    names,
    normalise,
    normalise_question,
    numbers,
    sentence_spans,
    sentences,
    singular,
    without_list_marker,
    words,
)

# Lone surrogates included: they come out of broken JSON.
any_text = st.text(alphabet=st.characters(), max_size=200) | st.text(
    alphabet="aB1 .!?,\n-*()'\"\u2019\u200b\u00ad\ud800\u3002\u0301\u0130\ufb01", max_size=60
)


@given(any_text)
def test_spans_are_ordered_stripped_and_leave_out_only_white_space(text: str) -> None:
    spans = sentence_spans(text)
    gaps, end = [], 0
    for span in spans:
        gaps.append(text[end : span.start])
        piece = text[span.start : span.end]
        assert piece == piece.strip() != ""
        end = span.end
    assert "".join([*gaps, text[end:]]).strip() == ""
    assert sentences(text) == [text[span.start : span.end] for span in spans]


@given(any_text)
def test_no_sentence_ends_inside_a_word(text: str) -> None:
    for span in sentence_spans(text):
        assert not (text[span.end - 1].isalnum() and text[span.end : span.end + 1].isalnum())


@given(any_text)
def test_normal_forms_are_idempotent(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    assert normalise_question(normalise_question(text)) == normalise_question(text)


@given(any_text)
@example("A\xad\xc0")  # a soft hyphen inside a word
def test_no_text_breaks_the_tokenisers(text: str) -> None:
    content = content_words(text)
    assert all(word and word == normalise(word) for word in content)
    assert len(bigrams(content)) == max(0, len(content) - 1)
    assert set(names(text)) <= {word for part in text.split() for word in content_words(part)} | set(content)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works. It is fast! Is it? Yes.", ["It works.", "It is fast!", "Is it?", "Yes."]),
        ("Dr. Smith paid 3.50 to J. Doe. He left.", ["Dr. Smith paid 3.50 to J. Doe.", "He left."]),
        ("See example.com/a.html for more. Done.", ["See example.com/a.html for more.", "Done."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("Steps:\n1. Open it.\n2. Close it.", ["Steps:", "1. Open it.", "2. Close it."]),
        ("A heading\n\nA paragraph.", ["A heading", "A paragraph."]),
        ("A short\nwrapped line.", ["A short\nwrapped line."]),
        ("\u4f60\u597d\u3002\u518d\u89c1\u3002", ["\u4f60\u597d\u3002", "\u518d\u89c1\u3002"]),
        ("Wait... what?", ["Wait...", "what?"]),
        (" \n\t ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_line_wrapped_by_its_width_goes_on() -> None:
    text = "The flow reads its settings from a model that the interface of\nPrefect draws as a form."
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,000 and 1000", ["1000", "and", "1000"]),
        ("1,234,567.89", ["1234567.89"]),
        ("1,2,3", ["1,2,3"]),  # a list, not thousands
        ("na\u00efve \ufb01le", ["na\u00efve", "file"]),
        ("soft\u00adhyphen zero\u200bwidth", ["softhyphen", "zerowidth"]),
        ("Don\u2019t", ["don't"]),
    ],
)
def test_words_are_compared_in_one_form(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_content_words_leave_out_stop_words_and_plurals() -> None:
    assert content_words("The cities of the users' data were 7") == ["city", "user", "data", "7"]
    assert numbers(content_words("In 1999 they sold 1,500 units")) == ["1999", "1500"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("queries", "query"),
        ("horses", "horse"),
        ("cats", "cat"),
        ("glass", "glass"),
        ("status", "status"),
        ("is", "is"),
    ],
)
def test_singular_follows_harmans_rules(word: str, expected: str) -> None:
    assert singular(word) == expected


def test_names_are_capitals_inside_the_sentence() -> None:
    assert names("The Office was shot in Los Angeles by NBC.") == ["office", "los", "angele", "nbc"]


def test_a_list_marker_is_no_part_of_what_a_sentence_says() -> None:
    assert [without_list_marker(s) for s in ("1. Open", "- Open", "## Open", "1.5 m")] == [
        "Open",
        "Open",
        "Open",
        "1.5 m",
    ]


def test_questions_that_differ_in_form_only_are_one() -> None:
    assert normalise_question("What's  NEW, today?") == normalise_question("what\u2019s new today")


@pytest.mark.parametrize("unit", [".", " ", "\n", "a.b", "1,", "'", "A. ", "1. ", "a\n", "\u200b", "\u3002"])
def test_time_is_linear_in_the_text(unit: str) -> None:
    # Quadratic work on 200 000 characters would take minutes; linear work takes well under a second.
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    sentence_spans(text)
    content_words(text)
    assert time.perf_counter() - started < 5


@given(st.text(alphabet=st.characters(max_codepoint=127)))
@example("They don't read 1,000.5 pages, nor page7_b.")
def test_words_of_plain_texts_are_found_the_faster_way_too(text: str) -> None:
    beside_another_script = words(f"{text} \u4e2d")
    assert words(text) == beside_another_script[:-1]
