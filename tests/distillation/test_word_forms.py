"""Words are the same under every disguise of layout, and a text's words do not hang on its company."""

import html

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from millrace.distillation import word_forms
from millrace.distillation.word_forms import folded, known_runs, polynomial, runs_at, words_of
from millrace.methods.text import normalise_question

PLAIN = "Don't set 3 retries: restart the worker"
CHARACTERS = st.sampled_from("abYZ 09'.,-_*&;<>\u2019\u00e9\u0301\u200b\uff21\u0416\u4e2d\u0e01\u00df\n\0")
TEXTS = st.text(CHARACTERS, max_size=30) | st.text(max_size=12).filter(lambda text: text.isprintable())


def hashes(*texts: str | None) -> list[list[int]]:
    found = words_of(pa.array(texts, pa.string()))
    return [found.hashes[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        "DON'T SET 3 RETRIES, RESTART THE WORKER!",
        "  don\u2019t set 3\nretries \u2014 restart\tthe worker\u2026 ",
        "D\u00f6n\u2019t s\u00e9t 3 retr\u00ef\u00e8s: restart the work\u00ear",
        "\uff24\uff4f\uff4e\uff07\uff54 set \uff13 retries restart the worker",
        "don't set 3 ret\u200bries: re\u00adstart the work\u2060er",
        "d\u043en't s\u0435t 3 retries: rest\u0430rt the w\u043erker",
        "don&#39;t set 3 retries&colon; restart the&nbsp;worker",
        "**Don't** set `3` _retries_: restart [the worker](https://docs.example/worker#restart)",
        "<p>Don't set <b>3</b> retries:<br/>restart the <a href='x'>worker</a></p>",
        "> - Don't set 3 retries:\n> - restart the worker",
        "dont set 3retries restart the worker",
    ],
)
def test_a_disguise_of_layout_changes_no_word(text: str) -> None:
    assert hashes(text) == hashes(PLAIN)
    assert folded(text) == folded(PLAIN) == "dont set 3 retries restart the worker"


@pytest.mark.parametrize(
    "text", ["<Don't set 3 retries: restart the worker>", '[a](b "Don\'t set 3 retries: restart the worker")']
)
def test_what_only_looks_like_markup_is_read(text: str) -> None:
    assert folded(text).endswith(folded(PLAIN))


@pytest.mark.parametrize("other", ["Do set 3 retries: restart the worker", "dont set retries 3 restart the worker"])
def test_other_words_and_another_order_are_told_apart(other: str) -> None:
    assert hashes(other) != hashes(PLAIN)


def test_each_character_is_a_word_where_no_spaces_are_written() -> None:
    assert folded("\u91cd\u7f6e\u5bc6\u7801 now") == "\u91cd \u7f6e \u5bc6 \u7801 now"
    assert [
        len(each)
        for each in hashes("\u91cd\u7f6e\u5bc6\u7801 now", "\u043f\u0440\u0438\u0432\u0435\u0442 \u0434\u043e\u043c")
    ] == [5, 2]


def test_vowel_signs_split_no_word() -> None:
    assert len(hashes("\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902")[0]) == 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | TEXTS, max_size=8))
@example(["x'", "'x", "a'", "b"])
@example(["a", "'", "b"])
def test_a_texts_words_do_not_hang_on_its_company(texts: list[str | None]) -> None:
    assert hashes(*texts) == [hashes(text)[0] for text in texts]


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_hashes_are_those_of_the_folded_words(text: str) -> None:
    words = folded(text).split()
    assert hashes(text)[0] == [hashes(word)[0][0] for word in words]


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_words_of_the_folded_form_are_its_own(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@settings(max_examples=50, deadline=None)
@given(
    TEXTS, st.sampled_from([str.upper, str.swapcase, lambda text: f" {text}? ", lambda text: text.replace(" ", "  ")])
)
def test_questions_of_one_normal_form_have_the_same_words(text: str, change: object) -> None:
    other = change(text)  # type: ignore[operator]
    if normalise_question(text) == normalise_question(other):
        assert folded(text) == folded(other)


@settings(max_examples=30, deadline=None)
@given(st.text(st.sampled_from("ab <&>\"'"), max_size=20))
def test_html_entities_are_what_they_stand_for(text: str) -> None:
    plain = text.replace("&", " ").replace("<", " ").replace(">", " ")
    assert folded(html.escape(plain)) == folded(plain)


def test_a_texts_words_do_not_hang_on_where_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["word " * 50, "x" * 300 + " end", "short", "y1" * 40]
    whole = hashes(*texts)
    monkeypatch.setattr(word_forms, "_SLICE_BYTES", 64)
    assert hashes(*texts) == whole


def test_words_of_any_length_are_told_apart_by_every_byte() -> None:
    words = ["x" * length for length in range(1, 40)]
    words += [f"{'x' * place}y{'x' * (length - place - 1)}" for length in range(1, 40) for place in range(length)]
    found = hashes(" ".join(words))[0]
    assert len(set(found)) == len(words)
    assert hashes(*words) == [[each] for each in found]
    assert hashes(*[word.upper() for word in words]) == [[each] for each in found]


def test_characters_that_are_not_ascii_have_no_small_form_by_their_bits() -> None:
    assert "\u4e2d".encode() == b"\xe4\xb8\xad"
    assert "\u462d".encode() == b"\xe4\x98\xad"  # 98 and b8 differ by the bit that tells A from a
    assert hashes("\u4e2d") != hashes("\u462d")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(1, 20))
def test_runs_of_one_size_have_the_hashes_of_runs_of_any(values: list[int], size: int) -> None:
    array = np.array(values, dtype=np.uint64)
    begins = np.arange(max(len(values) - size + 1, 0))
    found = runs_at(array, begins, size)
    assert found.tolist() == polynomial(array, begins, np.full(len(begins), size)).tolist()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans() | st.just(True), max_size=40), st.sets(st.integers(1, 20), max_size=4))
def test_known_runs_begin_where_every_word_is_known(known: list[bool], sizes: set[int]) -> None:
    found = known_runs(np.array(known, dtype=np.bool_), [*sizes])
    for size in sizes:
        begins = [place for place in range(len(known) - size + 1) if all(known[place : place + size])]
        assert found[size].tolist() == begins


def test_a_run_of_no_words_has_a_hash_too() -> None:
    array = np.array([7], dtype=np.uint64)
    assert polynomial(array, np.array([0, 0]), np.array([0, 1]))[0] == 0


@pytest.mark.parametrize("texts", [[], [None], ["", " ", "?!"]])
def test_texts_without_words_have_none(texts: list[str | None]) -> None:
    assert hashes(*texts) == [[]] * len(texts)


def test_a_slice_of_an_array_is_read_from_its_own_beginning() -> None:
    whole = pa.array(["a\u00e9 b", "c &amp; d", "e"])
    assert words_of(whole.slice(1, 1)).hashes.tolist() == hashes("c &amp; d")[0]
