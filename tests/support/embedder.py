"""An embedder that loads no model: vectors from hashed words, so texts that share words are near each other."""

import hashlib
from collections.abc import Sequence

import numpy as np

import blocks.embedder
from millrace.methods.text import words
from millrace.ports import Vectors


class HashedWords:
    """Implements ``Embedder`` and stands where its block would; every word is a direction of its own, nearly."""

    identity = "hashed-words/1"
    dimension = 384

    def open(self) -> "HashedWords":
        return self

    def open_words(self) -> None:
        """No word vectors: whoever compares meanings embeds every different text."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([_vector(text) for text in texts], dtype=np.float32).reshape(len(texts), self.dimension)


def _vector(text: str) -> Vectors:
    total = np.zeros(HashedWords.dimension)
    for word in sorted(set(words(text))):
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        total += np.random.default_rng(seed).choice((-1.0, 1.0), HashedWords.dimension)
    norm = np.sqrt((total * total).sum())
    return (total / norm if norm else total).astype(np.float32)


def stand_in(_name: str = "embedded") -> HashedWords:
    return HashedWords()


def install() -> None:
    """Let every embedder's name of this process mean hashed words."""
    blocks.embedder._block = stand_in  # type: ignore[assignment]
