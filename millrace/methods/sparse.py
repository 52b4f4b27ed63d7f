"""Texts as weights of their terms, so that BM25 is a dot product.

A document's weights hold the whole formula, with the statistics of its own collection; a query's are counts. So any
engine that multiplies sparse vectors ranks by BM25 without statistics of its own, and a collection's ranking cannot
depend on what other collections lie in the same index.

Weights are whole multiples of 1/1024. Sums of them are exact in float32 up to 16 384, in whatever order an engine adds:
all engines agree to the last bit.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import Stemmer

from millrace.methods.text import content_words
from millrace.ports import NO_TERMS, SparseVector

K1 = 1.2  # how soon a repeated term stops counting
B = 0.75  # how far a long document's counts are discounted
_STEPS = 1024  # to one unit of weight
SPARSE_IDENTITY = f"bm25/1 k1={K1} b={B} english"
Indices = npt.NDArray[np.uint32]


def document_terms(texts: Sequence[str]) -> list[SparseVector]:
    """BM25 weights of each text among all the given ones, which are one collection.

    The weight of term t in a text of length l (terms counted with repeats) is::

        ln(1 + (n - n_t + 0.5) / (n_t + 0.5)) * f / (f + k1 * (1 - b + b * l / mean length))

    where f counts t in the text, and n_t of the n texts have t. Terms with equal index count as one term.

    Returns:
        One vector per text, in order; weights in [0.001, 16) for up to ten million texts. Empty for a text without
        terms. A term that nearly all of many texts have can round to no weight, and is left out.

    Source:
        Robertson and Zaragoza (2009), The probabilistic relevance framework, eq. 3.15; k1 and b as Lucene sets them,
        and its positive idf without the constant factor k1 + 1, which changes no ranking.
    """
    index_of = _TermIndices()
    counted = [np.unique(index_of.of(text), return_counts=True) for text in texts]
    vocabulary, n_texts_with = np.unique(_joined([indices for indices, _ in counted]), return_counts=True)
    idf = np.log1p((len(texts) - n_texts_with + 0.5) / (n_texts_with + 0.5))
    mean_length = sum(int(counts.sum()) for _, counts in counted) / max(1, len(texts))
    return [
        _rounded(indices, idf[np.searchsorted(vocabulary, indices)] * _saturation(counts, mean_length))
        if len(indices)
        else NO_TERMS
        for indices, counts in counted
    ]


def query_terms(texts: Sequence[str]) -> list[SparseVector]:
    """Each text's terms, weighted by how often it has them; empty for a text without terms.

    The count is what BM25's query part comes to as its k3 grows, which is how Lucene and its like weigh a query.
    """
    index_of = _TermIndices()
    counted = [np.unique(index_of.of(text), return_counts=True) for text in texts]
    return [SparseVector(indices, counts.astype(np.float32)) for indices, counts in counted]


def term_index(term: str) -> int:
    """A term's place in a sparse vector: 32 bits of its SHA-256.

    Two terms of one place are taken for one term. Among 50 000 terms 0.3 such pairs are expected, and of 86 000 query
    terms that no document has, one is mistaken for a term that some have.
    """
    return int.from_bytes(hashlib.sha256(term.encode()).digest()[:4], "big")


class _TermIndices(dict[str, int]):
    """Words to the places of their stems; remembers the words it met."""

    def __init__(self) -> None:
        super().__init__()
        self._stemmer = Stemmer.Stemmer("english")  # not to be shared among threads

    def __missing__(self, word: str) -> int:
        index = self[word] = term_index(self._stemmer.stemWord(word))
        return index

    def of(self, text: str) -> Indices:
        """Places of the text's content words in order, with repeats."""
        return np.array([self[word] for word in content_words(text)], dtype=np.uint32)


def _saturation(counts: npt.NDArray[np.intp], mean_length: float) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = counts / (counts + K1 * (1 - B + B * counts.sum() / mean_length))
    return share


def _rounded(indices: Indices, weights: npt.NDArray[np.float64]) -> SparseVector:
    steps = np.rint(weights * _STEPS)
    kept = steps > 0
    return SparseVector(indices[kept], (steps[kept] / _STEPS).astype(np.float32))


def _joined(arrays: Sequence[Indices]) -> Indices:
    return np.concatenate(arrays) if arrays else NO_TERMS.indices
