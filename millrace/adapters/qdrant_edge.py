"""The embedded vector index: Qdrant's engine in process, as immutable snapshots in folders.

The engine takes a folder for itself, even for reading, and must not be carried open through a fork. So a snapshot is
never opened where it lies: each reader opens a private copy, which also checks every file against its hash.
Search is exact (a full scan of the tenant's vectors): an approximate graph is built by many threads and differs from
build to build.
"""

import json
import re
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    MatchValue,
    PayloadSchemaType,
    Point,
    Query,
    QueryRequest,
    SearchParams,
    UpdateOperation,
)

from millrace.adapters.snapshot_files import copy_verified, list_files, sync_tree
from millrace.errors import BadInputError, DamagedDatasetError, NotFoundError
from millrace.ports import IndexPoint, SearchHit, VectorIndex, Vectors

_FORMAT = "qdrant-edge-1"
_MANIFEST = "snapshot.json"
_SHARD = "shard"
_NAMESPACE = uuid.UUID("6f7b3c0e-6f0a-5d0e-9d5e-3a9d1f1c2b47")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_POINTS_AT_ONCE = 1000
_NEVER = 1 << 40  # KB; larger than any segment, so no approximate graph is built
_TIES = 16  # fetched beyond the limit, so that equal scores at the cut are ordered by id


class QdrantEdgeStore:
    """Implements ``VectorIndexStore`` over ``root/<snapshot>/``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, snapshot: str) -> Path:
        """Where the snapshot lies or would lie.

        Raises:
            BadInputError: the name could lead out of the root.
        """
        if not _NAME.fullmatch(snapshot):
            raise BadInputError(f"{snapshot!r} cannot name a snapshot: letters, digits, '.', '_', '-'", name=snapshot)
        return self._root / snapshot

    def build(self, snapshot: str, points: Sequence[IndexPoint], *, dimension: int) -> None:
        """Write a snapshot in a temporary sibling and publish it by rename; one that exists is left as it is.

        Raises:
            BadInputError: a vector of another shape or not finite, an empty tenant, or an id used twice in a tenant.
        """
        target = self.path(snapshot)
        if target.exists():
            return
        _check(points, dimension)
        self._root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{snapshot}.", suffix=".tmp", dir=self._root))
        try:
            _write_shard(temporary / _SHARD, points, dimension)
            manifest = {"format": _FORMAT, "count": len(points), "dimension": dimension, "files": list_files(temporary)}
            (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
            sync_tree(temporary)
            _publish(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def open(self, snapshot: str) -> VectorIndex:
        """A private copy, removed when closed.

        Raises:
            NotFoundError: no such snapshot.
            DamagedDatasetError: the folder is not a snapshot, or a file differs from its hash.
        """
        source = self.path(snapshot)
        if not source.is_dir():
            raise NotFoundError(f"no index snapshot {snapshot} in {self._root}", snapshot=snapshot)
        manifest = _read_manifest(source)
        private = Path(tempfile.mkdtemp(prefix="millrace-index-"))
        try:
            copy_verified(source, private, manifest["files"])
            return QdrantEdgeIndex(_load(private / _SHARD, source), private, dimension=manifest["dimension"])
        except BaseException:
            shutil.rmtree(private, ignore_errors=True)
            raise


class QdrantEdgeIndex:
    """Implements ``VectorIndex`` over a private copy of a snapshot, which it owns."""

    def __init__(self, shard: EdgeShard, folder: Path, *, dimension: int) -> None:
        self._shard: EdgeShard | None = shard
        self._folder = folder
        self._dimension = dimension

    def search(self, vector: Vectors, *, tenant_id: str, limit: int) -> list[SearchHit]:
        """The tenant's nearest points by cosine, best first, ties by point id; a zero vector scores 0 everywhere.

        Raises:
            BadInputError: no tenant, a limit under 1, a vector of another shape, or a closed index.
        """
        if self._shard is None:
            raise BadInputError("the index is closed; open the snapshot again")
        if not tenant_id or limit < 1:
            raise BadInputError("a search needs a tenant and a limit of at least 1", tenant_id=tenant_id, limit=limit)
        query = _finite_vector(vector, self._dimension, "query")
        hits = _best(self._shard, query, tenant_id, limit)
        return sorted(hits, key=lambda hit: (-hit.score, hit.point_id))[:limit]

    def close(self) -> None:
        """Release the engine and remove the private copy; closing twice does nothing."""
        if self._shard is not None:
            self._shard.close()
            self._shard = None
            shutil.rmtree(self._folder, ignore_errors=True)


def _best(shard: EdgeShard, query: list[float], tenant_id: str, limit: int) -> list[SearchHit]:
    """At least the ``limit`` best, with all that tie with the last of them."""
    n_fetched = limit + _TIES
    while True:
        request = QueryRequest(
            limit=n_fetched,
            query=Query.Nearest(query),
            filter=Filter(must=[FieldCondition("tenant_id", match=MatchValue(tenant_id))]),
            params=SearchParams(exact=True),
            with_payload=True,
        )
        found = shard.query(request)
        if len(found) < n_fetched or found[-1].score < found[limit - 1].score:
            return [_hit(point.score, point.payload or {}) for point in found]
        n_fetched *= 2


def _hit(score: float, payload: dict[str, Any]) -> SearchHit:
    return SearchHit(point_id=payload["point_id"], score=min(1.0, max(-1.0, score)), payload=payload["payload"])


def _check(points: Sequence[IndexPoint], dimension: int) -> None:
    seen: set[tuple[str, str]] = set()
    for point in points:
        _finite_vector(point.vector, dimension, f"point {point.point_id}")
        key = (point.tenant_id, point.point_id)
        if not all(key) or key in seen:
            raise BadInputError(f"point {key} lacks a tenant or an id, or its id is used twice", point=point.point_id)
        seen.add(key)


def _finite_vector(vector: Vectors, dimension: int, what: str) -> list[float]:
    if vector.shape != (dimension,) or not np.isfinite(vector).all():
        raise BadInputError(
            f"{what}: expected {dimension} finite numbers, got shape {vector.shape}", expected=dimension
        )
    return [float(value) for value in vector]


def _write_shard(folder: Path, points: Sequence[IndexPoint], dimension: int) -> None:
    folder.mkdir()
    config = EdgeConfig(
        vectors=EdgeVectorParams(size=dimension, distance=Distance.Cosine),
        optimizers=EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=_NEVER),
        max_search_threads=1,
        wal_enabled=False,
    )
    shard = EdgeShard.create(str(folder), config)
    try:
        shard.update(UpdateOperation.create_field_index("tenant_id", PayloadSchemaType.Keyword))
        ordered = sorted(points, key=lambda point: (point.tenant_id, point.point_id))
        for start in range(0, len(ordered), _POINTS_AT_ONCE):
            batch = [_engine_point(point) for point in ordered[start : start + _POINTS_AT_ONCE]]
            shard.update(UpdateOperation.upsert_points(batch))
        shard.optimize()
        shard.flush()
    finally:
        shard.close()


def _engine_point(point: IndexPoint) -> Point:
    """The engine takes numbers and UUIDs as ids; ours stays in the payload."""
    engine_id = uuid.uuid5(_NAMESPACE, json.dumps([point.tenant_id, point.point_id]))
    payload = {"tenant_id": point.tenant_id, "point_id": point.point_id, "payload": dict(point.payload)}
    return Point(str(engine_id), point.vector.tolist(), payload)


def _publish(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another process has published the same content
            raise


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        if manifest["format"] == _FORMAT and manifest["dimension"] > 0 and isinstance(manifest["files"], dict):
            return manifest
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DamagedDatasetError(f"{folder} is not an index snapshot: {path.name} {error}", path=str(path)) from error
    raise DamagedDatasetError(f"{path} is not of the form {_FORMAT}", path=str(path), expected=_FORMAT)


def _load(folder: Path, source: Path) -> EdgeShard:
    try:
        return EdgeShard.load(str(folder))
    except Exception as error:  # the engine raises bare Exception
        raise DamagedDatasetError(f"the engine cannot open {source}: {error}", path=str(source)) from error
