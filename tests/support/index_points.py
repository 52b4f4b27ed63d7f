"""Points and searches as short as a test can read them."""

from collections.abc import Mapping

import numpy as np

from millrace.ports import NO_TERMS, IndexPoint, Search, SparseVector, Vectors


def vector(*values: float) -> Vectors:
    return np.array(values, dtype=np.float32)


def terms(weights: Mapping[int, float]) -> SparseVector:
    """Places and their weights."""
    places = sorted(weights)
    values = np.array([weights[place] for place in places], dtype=np.float32)
    return SparseVector(np.array(places, dtype=np.uint32), values)


def point(
    point_id: str,
    values: list[float],
    tenant_id: str = "acme",
    weights: Mapping[int, float] | None = None,
    payload: Mapping[str, str] | None = None,
) -> IndexPoint:
    own = {"text": f"text of {point_id}"} | dict(payload or {})
    return IndexPoint(point_id, vector(*values), tenant_id, own, terms(weights) if weights else NO_TERMS)


def by_vector(
    *values: float, tenant_id: str = "acme", limit: int = 10, where: Mapping[str, str] | None = None
) -> Search:
    return Search(tenant_id, vector(*values), limit, where=where or {})


def by_terms(
    weights: Mapping[int, float],
    *values: float,
    tenant_id: str = "acme",
    limit: int = 10,
    where: Mapping[str, str] | None = None,
) -> Search:
    return Search(tenant_id, vector(*(values or (1.0, 0.0))), limit, terms=terms(weights), where=where or {})
