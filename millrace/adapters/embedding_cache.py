"""Remembers vectors, because the sentences of the same passages are embedded again for every question."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from millrace.errors import BadInputError
from millrace.ports import Embedder, Vectors

_TEXTS_AT_ONCE = 4096  # embedded together; bounds what is held beside the result
_VALUE_BYTES = 4


@dataclass(frozen=True)
class CacheCounts:
    """Of the distinct texts of every call: how many were remembered and how many computed; and vectors held now."""

    n_hits: int
    n_misses: int
    n_vectors: int


class CachedEmbedder:
    """An embedder that remembers the vectors of the texts asked for last; same identity, same values.

    Implements ``Embedder``; safe to share between threads. The values stay the same because a text's vector does not
    depend on what it is embedded together with, which the port demands. Texts are remembered by their hash, so they
    are neither held nor readable here.

    Args:
        embedder: computes what is not remembered.
        max_mb: most memory of vectors, in MiB; keys take about a sixth on top for vectors of 384.

    Raises:
        BadInputError: the memory does not hold one vector.
    """

    def __init__(self, embedder: Embedder, max_mb: float = 64) -> None:
        capacity = int(max_mb * 2**20) // (_VALUE_BYTES * embedder.dimension)
        if capacity < 1:
            raise BadInputError(
                f"{max_mb} MB hold no vector of {embedder.dimension} numbers; allow more", max_mb=max_mb
            )
        self._embedder = embedder
        self._capacity = capacity
        self._rows = np.empty((capacity, embedder.dimension), dtype=np.float32)  # memory is taken when it is written
        self._places: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()
        self._n_hits = self._n_misses = 0

    @property
    def identity(self) -> str:
        """That of the embedder within."""
        return self._embedder.identity

    @property
    def dimension(self) -> int:
        """That of the embedder within."""
        return self._embedder.dimension

    @property
    def counts(self) -> CacheCounts:
        """What was remembered so far."""
        with self._lock:
            return CacheCounts(self._n_hits, self._n_misses, len(self._places))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of shape (n_texts, dimension), as the embedder within gives them."""
        distinct = dict.fromkeys(texts)
        vectors = np.empty((len(distinct), self.dimension), dtype=np.float32)
        missing = self._recall(distinct, vectors)
        for start in range(0, len(missing), _TEXTS_AT_ONCE):
            part = missing[start : start + _TEXTS_AT_ONCE]
            computed = self._embedder.embed([text for text, _, _ in part])
            vectors[[row for _, _, row in part]] = computed
            self._remember([key for _, key, _ in part], computed)
        if len(distinct) == len(texts):
            return vectors
        place = {text: row for row, text in enumerate(distinct)}
        return vectors[[place[text] for text in texts]]

    def _recall(self, texts: Iterable[str], vectors: Vectors) -> list[tuple[str, bytes, int]]:
        """Fills in the rows of the texts that are remembered; text, key and row of each of the others."""
        keyed = [(text, _key(text)) for text in texts]
        missing: list[tuple[str, bytes, int]] = []
        rows: list[int] = []
        places: list[int] = []
        with self._lock:
            for row, (text, key) in enumerate(keyed):
                if key in self._places:
                    self._places.move_to_end(key)
                    rows.append(row)
                    places.append(self._places[key])
                else:
                    missing.append((text, key, row))
            vectors[rows] = self._rows[places]
            self._n_hits += len(rows)
            self._n_misses += len(missing)
        return missing

    def _remember(self, keys: Iterable[bytes], computed: Vectors) -> None:
        with self._lock:
            for key, vector in zip(keys, computed, strict=True):
                if key in self._places:  # computed by another thread meanwhile
                    continue
                full = len(self._places) == self._capacity
                place = self._places.popitem(last=False)[1] if full else len(self._places)
                self._places[key] = place
                self._rows[place] = vector


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
