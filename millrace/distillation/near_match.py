"""Prompts that mean nearly what an eval question asks, by the cosine of their vectors.

Embedding is slow, so most prompts are told apart before it: by sums of word vectors, where the embedder comes with
some. Float32 products hang on how many rows are multiplied together; what is near a bound is decided in float64, so
neither parts nor threads change a result.
"""

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millrace.distillation.eval_texts import asked_examples
from millrace.ports import Embedder, Vectors, WordVectors

_UNDECIDED = 1e-4
_PRODUCTS = 1 << 23  # cosines at once
_TEXTS_AT_ONCE = 8192

Flags = npt.NDArray[np.bool_]
Near = dict[str, list[tuple[int, float]]]


class Asked(NamedTuple):
    """What a record asks: as it was asked, and after the turns that it leans on (equal where it leans on none)."""

    plain: str
    in_context: str


class NearExample(NamedTuple):
    """The nearest example of a record."""

    record: int
    example: int
    cosine: float


class NearMatcher:
    """The eval questions' vectors, ready to be compared with prompts.

    Attributes:
        n_texts: different prompts that were compared so far.
        n_embedded: those of them that were not told apart by their words.
    """

    def __init__(
        self, evals: pa.Table, cosine: float, candidate_cosine: float, embedder: Embedder, words: WordVectors | None
    ) -> None:
        self._asked = asked_examples(evals)
        self._bound, self._word_bound = cosine, candidate_cosine
        self._embedder, self._words = embedder, words
        self._targets = list(dict.fromkeys(each.in_context for each in self._asked))
        place = {text: row for row, text in enumerate(self._targets)}
        self._examples_of: list[list[int]] = [[] for _ in self._targets]
        for number, each in enumerate(self._asked):
            self._examples_of[place[each.in_context]].append(number)
        self._vectors = embedder.embed(self._targets)
        self._word_vectors = None if words is None else words.embed(self._targets)
        leaning = sorted({each.leaning for each in self._asked if each.leaning is not None})
        self._leaning = dict(zip(leaning, embedder.embed(leaning), strict=True)) if leaning else {}
        self.n_texts = self.n_embedded = 0
        self._lock = Lock()

    def find(self, asked: Sequence[tuple[int, Asked]]) -> list[NearExample]:
        """The nearest example of each record that is near to one; of equally near ones the one with the lowest id.

        A question that leans on its conversation is near where both are: the question by itself, and after its turns.

        Args:
            asked: record and what it asks; records in ascending order.
        """
        if not self._targets:
            return []
        near = self._near({text for _, each in asked for text in each})
        plain = self._plain_vectors(asked, near)
        found: list[NearExample] = []
        for record, each in asked:
            options = [
                (-cosine, number)
                for text in dict.fromkeys(each)
                for target, cosine in near.get(text, [])
                for number in self._examples_of[target]
                if self._same_question(number, text, each, plain)
            ]
            if options:
                highest, number = min(options)
                found.append(NearExample(record, self._asked[number].example, min(-highest, 1.0)))
        return found

    def _same_question(self, number: int, text: str, asked: Asked, plain: Mapping[str, Vectors]) -> bool:
        leaning = self._asked[number].leaning
        if leaning is None:
            return True
        if text != asked.in_context:
            return False
        products = plain[asked.plain].astype(np.float64) * self._leaning[leaning]
        return bool(products.sum() >= self._bound)

    def _plain_vectors(self, asked: Sequence[tuple[int, Asked]], near: Near) -> dict[str, Vectors]:
        """Vectors of prompts as they were asked, where they come near a question that leans on its conversation."""
        wanted = {
            each.plain
            for _, each in asked
            for target, _ in near.get(each.in_context, [])
            if any(self._asked[number].leaning is not None for number in self._examples_of[target])
        }
        ordered = sorted(wanted)
        return dict(zip(ordered, self._embedder.embed(ordered), strict=True)) if ordered else {}

    def _near(self, texts: set[str]) -> Near:
        """For each text the targets that are near, with their cosines."""
        ordered = sorted(texts)
        near: Near = {}
        for start in range(0, len(ordered), _TEXTS_AT_ONCE):
            candidates = self._candidates(ordered[start : start + _TEXTS_AT_ONCE])
            self._count(len(ordered[start : start + _TEXTS_AT_ONCE]), len(candidates))
            if not candidates:
                continue
            for row, target, cosine in _near_pairs(self._embedder.embed(candidates), self._vectors, self._bound):
                near.setdefault(candidates[row], []).append((target, cosine))
        return near

    def _count(self, n_texts: int, n_embedded: int) -> None:
        with self._lock:
            self.n_texts += n_texts
            self.n_embedded += n_embedded

    def _candidates(self, texts: list[str]) -> list[str]:
        """Texts whose words come near those of any eval question."""
        if self._words is None or self._word_vectors is None:
            return texts
        near = _any_near(self._words.embed(texts), self._word_vectors, self._word_bound)
        return [texts[row] for row in np.flatnonzero(near)]


def _any_near(vectors: Vectors, targets: Vectors, bound: float) -> Flags:
    """Whether each row's cosine to any target reaches the bound."""
    near = np.zeros(len(vectors), dtype=np.bool_)
    for rows in _blocks(len(vectors), len(targets)):
        highest = (vectors[rows] @ targets.T).max(axis=1)
        near[rows] = highest >= bound + _UNDECIDED
        for row in np.flatnonzero(np.abs(highest - bound) < _UNDECIDED) + rows.start:
            near[row] = (targets.astype(np.float64) * vectors[row]).sum(axis=1).max() >= bound
    return near


def _near_pairs(vectors: Vectors, targets: Vectors, bound: float) -> Iterator[tuple[int, int, float]]:
    """Row, target and cosine of every pair that reaches the bound."""
    for rows in _blocks(len(vectors), len(targets)):
        found, columns = np.nonzero(vectors[rows] @ targets.T >= bound - _UNDECIDED)
        found += rows.start
        for start in range(0, len(found), _TEXTS_AT_ONCE):
            part = slice(start, start + _TEXTS_AT_ONCE)
            cosines = (vectors[found[part]].astype(np.float64) * targets[columns[part]]).sum(axis=1)
            for place in np.flatnonzero(cosines >= bound).tolist():
                yield int(found[start + place]), int(columns[start + place]), float(cosines[place])


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    step = max(_PRODUCTS // max(n_columns, 1), 1)
    return (slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step))
