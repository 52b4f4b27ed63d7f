"""Remembered vectors are those that would be computed, in bounded memory, for any number of threads."""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.adapters.embedding_cache import CacheCounts, CachedEmbedder
from millrace.adapters.minilm import MiniLmEmbedder
from millrace.errors import BadInputError
from millrace.ports import Vectors

MB_OF_ONE = 4 * 4 / 2**20  # four numbers of four bytes


class Hashing:
    """Vectors of four numbers from a text's hash; knows what it was asked for."""

    identity = "hashing/1"
    dimension = 4

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        rows = [np.frombuffer(hashlib.sha256(text.encode()).digest()[:4], dtype=np.uint8) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), 4)


def cache_of(n_vectors: int, embedder: Hashing | None = None) -> CachedEmbedder:
    return CachedEmbedder(embedder or Hashing(), n_vectors * MB_OF_ONE)


def test_what_was_computed_is_not_computed_again() -> None:
    embedder = Hashing()
    cached = cache_of(10, embedder)
    cached.embed(["a", "b", "a"])
    cached.embed(["b", "c"])
    assert embedder.asked == [["a", "b"], ["c"]]
    assert cached.counts == CacheCounts(n_hits=1, n_misses=3, n_vectors=3)


def test_it_passes_for_the_embedder_within() -> None:
    cached = cache_of(10)
    assert (cached.identity, cached.dimension) == ("hashing/1", 4)
    assert cached.embed([]).shape == (0, 4)


def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    embedder = Hashing()
    cached = cache_of(2, embedder)
    for text in ("a", "b", "a", "c", "a", "b"):
        cached.embed([text])
    # c took the place of b, not of a, which was asked for after it
    assert embedder.asked == [["a"], ["b"], ["c"], ["b"]]
    assert cached.counts.n_vectors == 2


def test_a_changed_result_changes_nothing_that_is_remembered() -> None:
    cached = cache_of(10)
    first = cached.embed(["a"])
    expected = first.tobytes()
    first[:] = 0
    again = cached.embed(["a"])
    assert again.tobytes() == expected
    again[:] = 0
    assert cached.embed(["a"]).tobytes() == expected


def test_memory_that_holds_no_vector_is_refused() -> None:
    with pytest.raises(BadInputError, match="hold no vector of 4 numbers"):
        CachedEmbedder(Hashing(), MB_OF_ONE / 2)


@settings(max_examples=200, deadline=None)
@given(calls=st.lists(st.lists(st.text("abcdefg", max_size=2), max_size=8), max_size=8), n_vectors=st.integers(1, 12))
def test_values_are_those_of_the_embedder_whatever_is_remembered(calls: list[list[str]], n_vectors: int) -> None:
    bare, cached = Hashing(), cache_of(n_vectors)
    for texts in calls:
        assert cached.embed(texts).tobytes() == bare.embed(texts).tobytes()
        assert cached.counts.n_vectors <= n_vectors


def test_threads_get_their_own_texts_vectors_while_others_push_them_out() -> None:
    cached, bare = cache_of(20), Hashing()
    wrong: list[str] = []

    def work(seed: int) -> None:
        draw = np.random.default_rng(seed)
        for _ in range(300):
            texts = [f"t{number}" for number in draw.integers(0, 60, size=8)]
            if cached.embed(texts).tobytes() != bare.embed(texts).tobytes():
                wrong.append(str(texts))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    assert cached.counts.n_hits > 0


def test_with_the_true_model_bytes_are_the_same(minilm: MiniLmEmbedder) -> None:
    texts = [f"sentence {number} of the mill" for number in range(40)]
    cached = CachedEmbedder(minilm, 16 * 384 * 4 / 2**20)  # holds 16 of 40
    expected = minilm.embed(texts).tobytes()
    assert cached.embed(texts).tobytes() == expected
    assert (
        cached.embed(texts[20:] + texts[:20]).tobytes()
        == expected[len(expected) // 2 :] + expected[: len(expected) // 2]
    )
    assert cached.counts == CacheCounts(n_hits=16, n_misses=64, n_vectors=16)
