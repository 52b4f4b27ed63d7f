"""Hits that are equal on every engine.

An engine's scores only choose candidates. A hit's cosine is computed here, in float64, from the stored vector; dot
products of terms are exact in float32 anyway (see ``millrace/methods/sparse.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from millrace.adapters.qdrant_points import DENSE, TENANT, check_terms, check_text, check_vector, unit
from millrace.errors import BadInputError
from millrace.ports import Search, SearchHit, Vectors

_TIES = 16  # fetched beyond the limit, so that equal scores at the cut are ordered by id
_ROUNDING = 1e-5  # more than an engine's float32 cosines can be wrong by, less than a step of a term's weight
_AT_ONCE = 32  # searches; bounds what lies in memory with all its vectors


class Found(NamedTuple):
    """A point as an engine gives it back; the score is the engine's own."""

    score: float
    payload: Mapping[str, Any]
    vector: Sequence[float] | Vectors


def found(score: float, payload: Mapping[str, Any] | None, vectors: object) -> Found:
    """A point from an engine's answer.

    Raises:
        BadInputError: the point has not the vector that was asked for.
    """
    if not isinstance(vectors, Mapping) or DENSE not in vectors:
        raise BadInputError(f"the index answered with a point without its vector {DENSE!r}")
    return Found(score, payload or {}, vectors[DENSE])


Ask = Callable[[Sequence[tuple[Search, int]]], Sequence[Sequence[Found]]]


def find_hits(searches: Sequence[Search], dimension: int, ask: Ask) -> list[list[SearchHit]]:
    """Each search's exact hits from an engine that is asked for some more candidates than are wanted.

    Args:
        ask: searches with the number of points wanted of each, to the points found, best first by the engine's score.

    Raises:
        BadInputError: a search without tenant, with a limit under 1 or a vector of another shape; or an engine that
            answers with another tenant's point.
    """
    for search in searches:
        _check_search(search, dimension)
    hits: list[list[SearchHit]] = [[] for _ in searches]
    waiting = [(place, search.limit + _TIES) for place, search in enumerate(searches) if _looks_for_something(search)]
    while waiting:
        batch, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
        answers = ask([(searches[place], n_points) for place, n_points in batch])
        for (place, n_points), points in zip(batch, answers, strict=True):
            if _is_enough(points, searches[place].limit, n_points):
                hits[place] = _ranked(points, searches[place])
            else:
                waiting.append((place, 2 * n_points))
    return hits


def _looks_for_something(search: Search) -> bool:
    return bool(search.vector.any()) if search.terms is None else len(search.terms.indices) > 0


def _is_enough(points: Sequence[Found], limit: int, n_points: int) -> bool:
    """Whether no point that was not fetched can be among the best, or tie with the last of them."""
    return len(points) < n_points or points[-1].score < points[limit - 1].score - _ROUNDING


def _ranked(points: Sequence[Found], search: Search) -> list[SearchHit]:
    for point in points:
        if point.payload.get(TENANT) != search.tenant_id:
            raise BadInputError("the index answered with a point of another tenant; nothing of the answer is used")
    vectors = np.array([point.vector for point in points], dtype=np.float32).reshape(len(points), len(search.vector))
    by_terms = search.terms is not None
    hits = [
        SearchHit(
            point_id=point.payload["point_id"],
            score=cosine,
            payload=point.payload["payload"],
            vector=vector,
            terms_score=point.score if by_terms else None,
        )
        for point, vector, cosine in zip(points, vectors, _cosines(vectors, search.vector), strict=True)
    ]
    hits.sort(key=lambda hit: (-(hit.score if hit.terms_score is None else hit.terms_score), hit.point_id))
    return hits[: search.limit]


def _cosines(vectors: Vectors, query: Vectors) -> list[float]:
    # Summed row by row: a matrix product's last bits depend on how many rows it has.
    products = (vectors.astype(np.float64) * unit(query).astype(np.float64)).sum(axis=1)
    cosines: list[float] = np.clip(products, -1, 1).tolist()
    return cosines


def _check_search(search: Search, dimension: int) -> None:
    if not search.tenant_id or search.limit < 1:
        raise BadInputError(
            "a search needs a tenant and a limit of at least 1", tenant_id=search.tenant_id, limit=search.limit
        )
    check_text([search.tenant_id], "the search's tenant")
    check_vector(search.vector, dimension, "the search")
    if search.terms is not None:
        check_terms(search.terms, "the search")
