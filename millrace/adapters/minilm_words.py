"""Word vectors that come with MiniLM: its own input embeddings, weighted, and turned so that sums foretell its vectors.

Input embeddings as they are tell texts apart badly: nearly all of them point one way. ``minilm_words.npy`` holds a
linear map from their weighted mean to the model's vector, fitted to real sentences by
``python -m benchmarks.fit_minilm_words``; what it is good for is measured in ``benchmarks/RESULTS.md``.
torch is not needed.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.sparse import csr_array

from millrace.adapters.minilm import MAX_TOKENS, SHA256, verified_file
from millrace.errors import BadInputError
from millrace.ports import Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAP_FILE = Path(__file__).with_name("minilm_words.npy")
MAP_VERSION = 1
_TABLE = "embeddings.word_embeddings.weight"
_FIRST_WORD = 996  # the vocabulary's words begin after it, most frequent first
_FREQUENT = 1e-4  # smooth inverse frequency: a word of this frequency counts half (Arora et al. 2017, eq. 1)


def minilm_words_identity() -> str:
    """What decides the vectors, without loading anything."""
    return f"words of all-MiniLM-L6-v2@{SHA256['model.safetensors'][:12]}/map-{MAP_VERSION}"


def token_weights(n_tokens: int) -> Vectors:
    """How much each token counts: a/(a + frequency), by Zipf's law from its place in the vocabulary; shape (n_tokens,).

    Source: Arora, Liang and Ma (2017), A simple but tough-to-beat baseline for sentence embeddings, ICLR.
    """
    ranks = np.maximum(np.arange(n_tokens) - _FIRST_WORD, 1)
    frequencies = 1 / (ranks * math.log(n_tokens))
    weights: Vectors = (_FREQUENT / (_FREQUENT + frequencies)).astype(np.float32)
    return weights


def input_embeddings(folder: Path | None = None) -> Vectors:
    """The model's table of tokens, shape (n_tokens, 384).

    Raises:
        BadInputError: the weights are missing or not the expected ones.
    """
    from safetensors import safe_open

    with safe_open(verified_file("model.safetensors", folder), framework="numpy") as tensors:
        table: Vectors = tensors.get_tensor(_TABLE).astype(np.float32)
    return table


class MiniLmWords:
    """Implements ``WordVectors``; safe to share between threads. Texts are cut after 256 tokens, as MiniLM does."""

    def __init__(self, tokenizer: "Tokenizer", table: Vectors) -> None:
        self._tokenizer = tokenizer
        self._table = table

    @classmethod
    def load(cls, turn: Vectors | None = None, folder: Path | None = None) -> Self:
        """Read tokenizer and table; takes half a second.

        Args:
            turn: a linear map of shape (384, n_components) instead of the one that ships.

        Raises:
            BadInputError: a file is missing or is not the expected one.
        """
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(verified_file("tokenizer.json", folder)))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        table = input_embeddings(folder)
        weighted = table.astype(np.float64) * token_weights(len(table))[:, None]
        turned = weighted @ (_shipped_map() if turn is None else turn).astype(np.float64)
        return cls(tokenizer, turned.astype(np.float32))

    @property
    def identity(self) -> str:
        """The model's weights and the map's version."""
        return minilm_words_identity()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (n_texts, n_components), rows of norm 1; a text without tokens gives a zero row."""
        tokens = [each.ids for each in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        starts = np.zeros(len(tokens) + 1, dtype=np.int64)
        np.cumsum([len(each) for each in tokens], out=starts[1:])
        flat = np.fromiter((token for each in tokens for token in each), dtype=np.int64, count=int(starts[-1]))
        counts = csr_array((np.ones(len(flat), np.float32), flat, starts), shape=(len(tokens), len(self._table)))
        sums = np.asarray(counts @ self._table)  # row by row, each token in its order
        norms = np.sqrt((sums.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
        vectors: Vectors = (sums / np.where(norms > 0, norms, 1)).astype(np.float32)
        return vectors


def _shipped_map() -> Vectors:
    if not MAP_FILE.is_file():
        raise BadInputError(f"{MAP_FILE} is missing; install Millrace again", file=str(MAP_FILE))
    turn: Vectors = np.load(MAP_FILE, allow_pickle=False).astype(np.float32)
    return turn
