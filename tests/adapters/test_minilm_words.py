"""Sums of word vectors foretell MiniLM's cosines, and a text's vector does not hang on its company."""

from pathlib import Path

import numpy as np
import pytest

from blocks.embedder import open_word_vectors
from millrace.adapters import minilm_words
from millrace.adapters.minilm import MiniLmEmbedder
from millrace.adapters.minilm_words import MiniLmWords, minilm_words_identity, token_weights
from millrace.errors import BadInputError

QUESTION = "How do I reset the password of my account?"
NEAR = "How can I reset my account's password?"
FAR = ("Which bird lays the largest eggs?", "Is it going to rain in Lisbon tomorrow?", "Translate this into French")


@pytest.fixture(scope="module")
def words() -> MiniLmWords:
    return MiniLmWords.load()


def test_vectors_have_norm_1_and_texts_without_words_have_zero(words: MiniLmWords) -> None:
    norms = np.linalg.norm(words.embed([QUESTION, "", "\u200b", "x " * 5000]), axis=1)
    assert norms == pytest.approx([1, 0, 0, 1], abs=1e-6)
    assert words.embed([]).shape == (0, 192)


def test_texts_that_mean_the_same_are_nearer_than_others(words: MiniLmWords, minilm: MiniLmEmbedder) -> None:
    vectors = words.embed([QUESTION, NEAR, *FAR])
    cosines = vectors[1:] @ vectors[0]
    assert (minilm.embed([QUESTION]) @ minilm.embed([NEAR]).T).item() > 0.9
    assert cosines[0] > 0.8
    assert cosines[1:].max() < 0.5


def test_order_and_case_change_nothing(words: MiniLmWords) -> None:
    first, second = words.embed(["Restart the worker now", "now worker THE restart"])
    assert first @ second == pytest.approx(1, abs=1e-6)


def test_vectors_are_equal_bit_for_bit_alone_and_among_others(words: MiniLmWords) -> None:
    texts = [f"{QUESTION} {' and more' * (number % 40)} {number}" for number in range(300)]
    whole = words.embed(texts)
    assert (np.concatenate([words.embed([text]) for text in texts]) == whole).all()
    assert (words.embed(texts[::-1])[::-1] == whole).all()


def test_frequent_words_hardly_count(words: MiniLmWords) -> None:
    short, long = words.embed(["restart worker", "how can I restart the worker of it"])
    assert short @ long > 0.85


def test_a_rare_word_counts_more_than_a_frequent_one() -> None:
    weights = token_weights(30_522)
    assert 0 < weights[1000] < weights[2000] < weights[30_000] < 1


def test_they_are_opened_once_and_told_without_loading() -> None:
    opened = open_word_vectors()
    assert opened is open_word_vectors("embedded")
    assert opened is not None
    assert opened.identity == minilm_words_identity()


def test_a_missing_map_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(minilm_words, "MAP_FILE", tmp_path / "none.npy")
    with pytest.raises(BadInputError, match=r"none\.npy is missing"):
        MiniLmWords.load()
