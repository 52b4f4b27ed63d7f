"""What the domain needs from outside, as small protocols; adapters implement them, blocks open them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Texts to unit vectors; a text's vector does not depend on what it is batched with."""

    @property
    def identity(self) -> str:
        """Model, revision and whatever else decides the values; never an address or a secret."""

    @property
    def dimension(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (n_texts, dimension), rows of norm 1; an empty text gives a zero row."""


@dataclass(frozen=True)
class IndexPoint:
    """A vector with what is needed to show and to filter it."""

    point_id: str
    vector: Vectors
    tenant_id: str
    payload: dict[str, str]


@dataclass(frozen=True)
class SearchHit:
    """One found point; ``score`` is cosine similarity in [-1, 1]."""

    point_id: str
    score: float
    payload: dict[str, str]


class VectorIndex(Protocol):
    """An opened index snapshot; every read names its tenant."""

    def search(self, vector: Vectors, *, tenant_id: str, limit: int) -> list[SearchHit]:
        """Best hits first, ties by point id; at most ``limit``."""

    def close(self) -> None: ...


class VectorIndexStore(Protocol):
    """Where index snapshots live, named by the content they were built from."""

    def build(self, snapshot: str, points: Sequence[IndexPoint], *, dimension: int) -> None:
        """Write a snapshot atomically; one that exists already is left as it is."""

    def open(self, snapshot: str) -> VectorIndex:
        """A private copy, closed by the caller; NotFoundError when the snapshot does not exist."""

    def path(self, snapshot: str) -> Path | None:
        """Where the snapshot lies, when it lies in files."""
