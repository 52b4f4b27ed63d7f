"""Blank texts, equal texts, keys."""

import unicodedata
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.distillation.texts import (
    _VISIBLE,
    blank,
    codes,
    column_keys,
    form_column,
    hash_keys,
    n_bytes,
    normal_form,
    normal_forms,
    short_keys,
)
from millrace.methods.text import normalise

ANY_TEXT = st.text(
    st.one_of(
        st.sampled_from(" \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u3000aAbB1'"),
        st.sampled_from("\u2019\u2014\u2026\u200b\u0301\x00\x7fé水ÉﬁﬀßΣİ"),
        st.characters(codec="utf-8"),
    ),
    max_size=8,
)
COLUMNS = st.lists(st.none() | ANY_TEXT, max_size=8)


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\u200b\u2060", "\x00\x1f", "\u3164\u115f", "\u2800", "\u0301", "\ue000", None]
)
def test_what_shows_nothing_is_blank(text: str | None) -> None:
    assert blank(pa.array([text, "a"], pa.string())).tolist() == [True, False]


@pytest.mark.parametrize("text", ["a", "\u200b.", "0", "水", "😀", "e\u0301", " - "])
def test_whatever_shows_something_is_not(text: str) -> None:
    assert not blank(pa.array([text]))[0]


@given(st.text(max_size=20))
def test_a_letter_or_digit_is_never_blank_and_space_always(text: str) -> None:
    shown = any(
        unicodedata.category(character)[0] in "LN" and character not in "\u115f\u1160\u3164\uffa0" for character in text
    )
    if shown:
        assert not blank(pa.array([text]))[0]
    if not text.strip():
        assert blank(pa.array([text]))[0]


@given(st.text(max_size=30))
def test_the_normal_form_is_idempotent_and_blind_to_case_and_space(text: str) -> None:
    form = normal_form(text)
    assert normal_form(form) == form
    assert normal_form(f" \u200b{text}\n") == form


def test_the_normal_form_keeps_words_apart() -> None:
    assert normal_form("Open\u00a0 the\tGATE") == "open the gate"
    assert normal_form("so lo") != normal_form("solo")


@settings(max_examples=300)
@given(COLUMNS, st.integers(0, 3))
def test_a_column_has_the_forms_of_its_texts(texts: list[str | None], begin: int) -> None:
    expected = [None if text is None else normal_form(text) for text in texts][begin:]
    column = pa.array(texts, pa.string()).slice(begin)
    assert form_column(column).to_pylist() == expected
    assert normal_forms(column) == expected


def test_forms_of_many_texts_are_those_of_each() -> None:
    texts = [[f" Line  {n}\n", f"a\u2019B {n}", f"ﬁ\x1c{n}", "", None][n % 5] for n in range(4_003)]
    found = form_column(pa.array(texts)).to_pylist()
    assert found == [None if text is None else normal_form(text) for text in texts]


def test_every_plain_character_is_its_own_form_beside_every_other() -> None:
    runs = [(0x01, 0x7F), (0xE0, 0xF6), (0xF8, 0xFF), (0x2012, 0x2016), (0x2018, 0x2023), (0x4E00, 0x4E05)]
    plain = [chr(code) for first, last in runs for code in range(first, last + 1)]
    pairs = [one + other for one in plain for other in plain]
    assert form_column(pa.array(pairs)).to_pylist() == [normal_form(pair) for pair in pairs]
    ideographs = [chr(code) for code in range(0x4E00, 0xA000)]
    assert [normalise(character) for character in ideographs] == ideographs
    assert not any(unicodedata.combining(character) for character in ideographs)


@given(COLUMNS, st.integers(0, 3))
def test_keys_of_a_column_are_those_of_its_texts(texts: list[str | None], begin: int) -> None:
    column = pa.array(texts, pa.string()).slice(begin)
    digests = [sha256((text or "").encode()).digest() for text in texts[begin:]]
    expected = [[int.from_bytes(digest[at : at + 8], "little") for at in (0, 8)] for digest in digests]
    assert column_keys(column).tolist() == expected


@given(COLUMNS, st.integers(0, 3))
def test_texts_are_blank_as_the_expression_says(texts: list[str | None], begin: int) -> None:
    column = pa.array(texts, pa.string()).slice(begin)
    shown = pc.match_substring_regex(column, _VISIBLE).fill_null(False).to_pylist()
    assert blank(column).tolist() == [not each for each in shown]


@given(st.lists(st.lists(st.none() | st.sampled_from(["", "a", "A", "b", "c"]), max_size=5), max_size=4))
def test_codes_count_texts_in_the_order_of_their_first_appearance(parts: list[list[str | None]]) -> None:
    seen: dict[str, int] = {}
    expected = [-1 if text is None else seen.setdefault(text, len(seen)) for part in parts for text in part]
    assert codes(pa.array(part, pa.string()) for part in parts).tolist() == expected


def test_keys_differ_as_texts_do() -> None:
    found = column_keys(pa.array(["a", "b", "a", ""]))
    assert found.shape == (4, 2)
    assert (found[0] == found[2]).all()
    assert len(np.unique(found, axis=0)) == 3
    assert short_keys(pa.array(["a", None, "b", "a"])).tolist() == [found[0, 0], 0, found[1, 0], found[0, 0]]
    assert short_keys(pa.array([], pa.string())).tolist() == []


def test_lengths_are_bytes() -> None:
    assert n_bytes(pa.array(["ü", None, "abc"])).tolist() == [2, 0, 3]


def test_hashes_are_read_as_numbers_and_anything_else_is_zero() -> None:
    digits = "0123456789abcdef" * 4
    found = hash_keys(pa.array([digits, None, "0" * 64, digits.upper(), digits[:-1], digits[::-1]]))
    assert found[0].tolist() == [0xEFCDAB8967452301] * 2
    assert found[1:5].tolist() == [[0, 0]] * 4
    assert found[5].tolist() == [0x1032547698BADCFE] * 2
    assert hash_keys(pa.array([], pa.string())).shape == (0, 2)
