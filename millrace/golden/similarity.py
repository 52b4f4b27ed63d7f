"""How near questions are to one another, with the turn before them (A32)."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from millrace.ports import Embedder, Vectors
from millrace.records.trace import Turn

Cosines = npt.NDArray[np.float64]


class Question(Protocol):
    """What is compared."""

    @property
    def question(self) -> str: ...

    @property
    def history(self) -> list[Turn]: ...


class QuestionVectors:
    """Vectors of questions and of the last turn before each; items are named by their position."""

    def __init__(self, items: Sequence[Question], embedder: Embedder) -> None:
        self._turns = [item.history[-1].text if item.history else "" for item in items]
        texts = sorted({item.question for item in items} | set(self._turns))
        places = {text: place for place, text in enumerate(texts)}
        self._vectors = embedder.embed(texts) if texts else np.zeros((0, embedder.dimension), dtype=np.float32)
        self._question_places = np.array([places[item.question] for item in items], dtype=np.int64)
        self._turn_places = np.array([places[turn] for turn in self._turns], dtype=np.int64)

    def of_questions(self, items: Sequence[int]) -> Vectors:
        """Shape (n_items, dimension), rows of norm 1."""
        return self._vectors[self._question_places[np.asarray(items, dtype=np.int64)]]

    def near(self, item: int, others: Sequence[int], min_cosine: float) -> list[int]:
        """Those of ``others`` whose question has at least this cosine; nearest first, ties in the order given."""
        positions = np.asarray(others, dtype=np.int64)
        cosines = self._cosines(self._question_places, item, positions)
        order = np.argsort(-cosines, kind="stable")
        return [int(positions[place]) for place in order if cosines[place] >= min_cosine]

    def same_turn(self, item: int, other: int, min_cosine: float) -> bool:
        """Whether the turns before two questions are near too, or neither has one."""
        if not self._turns[item] or not self._turns[other]:
            return self._turns[item] == self._turns[other]
        return bool(self._cosines(self._turn_places, item, np.array([other]))[0] >= min_cosine)

    def _cosines(self, places: npt.NDArray[np.int64], item: int, others: npt.NDArray[np.int64]) -> Cosines:
        # in float64 and not by BLAS: the sums don't depend on how many rows there are or how many threads run
        one = self._vectors[places[item]].astype(np.float64)
        products: Cosines = np.einsum("ij,j->i", self._vectors[places[others]].astype(np.float64), one)
        return products
