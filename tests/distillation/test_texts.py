"""Blank texts, equal texts, keys."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.distillation.texts import blank, hash_keys, keys, n_bytes, normal_form, short_keys


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


def test_keys_differ_as_texts_do() -> None:
    found = keys(["a", "b", "a", ""])
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
