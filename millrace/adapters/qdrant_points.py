"""How points lie in Qdrant, the same in its engine, its server and its client's local mode.

Vectors are stored with norm 1 and compared by dot product, so that no engine normalises them its own way.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from millrace.errors import BadInputError
from millrace.ports import IndexPoint, Search, SparseVector, Vectors

DENSE, TERMS = "dense", "terms"
TENANT, FIELDS = "tenant_id", "fields"
_NAMESPACE = uuid.UUID("6f7b3c0e-6f0a-5d0e-9d5e-3a9d1f1c2b47")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def check_name(snapshot: str) -> str:
    """The name, if it can be that of a folder and of a collection.

    Raises:
        BadInputError: it could lead elsewhere.
    """
    if not _NAME.fullmatch(snapshot):
        raise BadInputError(f"{snapshot!r} cannot name a snapshot: letters, digits, '.', '_', '-'", name=snapshot)
    return snapshot


def ordered_points(points: Sequence[IndexPoint], dimension: int) -> list[IndexPoint]:
    """The points by tenant and id.

    Raises:
        BadInputError: a vector of another shape or not finite, terms that are no sparse vector, an empty tenant or id,
            an id used twice in a tenant, or text that is not Unicode.
    """
    seen: set[tuple[str, str]] = set()
    for point in points:
        what = f"point {point.point_id!r}"
        check_vector(point.vector, dimension, what)
        check_terms(point.terms, what)
        check_text([point.tenant_id, point.point_id, *point.payload, *point.payload.values()], what)
        key = (point.tenant_id, point.point_id)
        if not all(key) or key in seen:
            raise BadInputError(f"{what} lacks a tenant or an id, or its id is used twice", point=key)
        seen.add(key)
    return sorted(points, key=lambda point: (point.tenant_id, point.point_id))


def engine_id(point: IndexPoint) -> str:
    """Engines take numbers and UUIDs as ids; ours stays in the payload."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps([point.tenant_id, point.point_id])))


def engine_payload(point: IndexPoint) -> dict[str, Any]:
    """What is stored beside the vectors; tenant and fields are what searches filter by."""
    return {
        TENANT: point.tenant_id,
        FIELDS: [field_key(name, value) for name, value in sorted(point.payload.items())],
        "point_id": point.point_id,
        "payload": dict(point.payload),
    }


def field_key(name: str, value: str) -> str:
    """One keyword for a field and its value.

    A filter compares it as a whole. Engines read a field's name as a path into the payload, and a name with dots or
    brackets would lead somewhere else.
    """
    return hashlib.sha256(json.dumps([name, value]).encode()).hexdigest()[:32]


def required_fields(search: Search) -> list[tuple[str, str]]:
    """Stored keywords that a hit must have, all of them: its tenant first, so nothing asked for can widen a search."""
    return [(TENANT, search.tenant_id), *((FIELDS, field_key(*each)) for each in search.where.items())]


def unit(vector: Vectors) -> Vectors:
    """The vector in float32 with norm 1; as it is when it has norm 1 already, or 0."""
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if norm == 0 or abs(norm - 1) < 1e-6:
        return vector.astype(np.float32)
    return (vector.astype(np.float64) / norm).astype(np.float32)


def check_vector(vector: Vectors, dimension: int, what: str) -> None:
    """BadInputError for a vector of another shape or with a number that is not finite."""
    if vector.shape != (dimension,) or not np.isfinite(vector).all():
        raise BadInputError(
            f"{what}: expected {dimension} finite numbers, got shape {vector.shape}", expected=dimension
        )


def check_terms(terms: SparseVector, what: str) -> None:
    """BadInputError for what is not a sparse vector."""
    places: npt.NDArray[np.int64] = terms.indices.astype(np.int64)
    in_order = bool((np.diff(places) > 0).all() and ((places >= 0) & (places < 2**32)).all())
    if terms.indices.shape != terms.values.shape or not in_order or not np.isfinite(terms.values).all():
        raise BadInputError(f"{what}: terms are ascending places below 2^32 with one finite weight each")


def check_text(texts: Sequence[str], what: str) -> None:
    """BadInputError for what no engine can store."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise BadInputError(f"{what}: half a surrogate pair is no Unicode text: {error.reason}") from None
