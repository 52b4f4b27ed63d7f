"""The embedded vector index: Qdrant's engine in process, as immutable snapshots in folders.

The engine takes a folder for itself, even for reading, and must not be carried open through a fork. So a snapshot is
never opened where it lies: each reader opens a private copy, which also checks every file against its hash.
Search is exact (a full scan of the tenant's vectors): an approximate graph is built by many threads and differs from
build to build.
"""

import json
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    MatchValue,
    PayloadSchemaType,
    Point,
    Query,
    QueryBatchRequest,
    QueryRequest,
    SearchParams,
    UpdateOperation,
)
from qdrant_edge import SparseVector as EngineTerms

from millrace.adapters.qdrant_hits import Found, find_hits, found
from millrace.adapters.qdrant_points import (
    DENSE,
    FIELDS,
    TENANT,
    TERMS,
    check_name,
    engine_id,
    engine_payload,
    ordered_points,
    required_fields,
    unit,
)
from millrace.adapters.snapshot_files import copy_verified, list_files, sync_tree
from millrace.errors import BadInputError, DamagedDatasetError, NotFoundError
from millrace.ports import IndexPoint, Search, SearchHit, SparseVector, VectorIndex, Vectors

_FORMAT = "qdrant-edge-2"
_EARLIER = frozenset({"qdrant-edge-1"})  # without terms
_MANIFEST = "snapshot.json"
_SHARD = "shard"
_POINTS_AT_ONCE = 1000
_POINTS_REMEMBERED = 16_384  # of an opened index; some 50 MB with their payloads
_NEVER = 1 << 40  # KB; larger than any segment, so no approximate graph is built

_Stored: TypeAlias = tuple[Mapping[str, Any], Vectors]


class QdrantEdgeStore:
    """Implements ``VectorIndexStore`` over ``root/<snapshot>/``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, snapshot: str) -> Path:
        """Where the snapshot lies or would lie.

        Raises:
            BadInputError: the name could lead out of the root.
        """
        return self._root / check_name(snapshot)

    def exists(self, snapshot: str) -> bool:
        """Whether there is a snapshot of this name; it is checked when it is opened."""
        return self.path(snapshot).is_dir()

    def build(self, snapshot: str, points: Sequence[IndexPoint], *, dimension: int) -> None:
        """Write a snapshot in a temporary sibling and publish it by rename; one that exists is left as it is.

        Raises:
            BadInputError: a vector of another shape or not finite, an empty tenant, or an id used twice in a tenant.
        """
        target = self.path(snapshot)
        if target.exists():
            return
        ordered = ordered_points(points, dimension)
        self._root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{snapshot}.", suffix=".tmp", dir=self._root))
        try:
            _write_shard(temporary / _SHARD, ordered, dimension)
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
            BadInputError: it is of an earlier format; the documents have to be ingested again.
            DamagedDatasetError: the folder is not a snapshot, or a file differs from its hash.
        """
        source = self.path(snapshot)
        if not source.is_dir():
            raise NotFoundError(f"no index snapshot {snapshot} in {self._root}", snapshot=snapshot)
        manifest = _read_manifest(source)
        private = Path(tempfile.mkdtemp(prefix="millrace-index-"))
        try:
            copy_verified(source, private, manifest["files"])
            shard = _load(private / _SHARD, source)
            return QdrantEdgeIndex(shard, private, snapshot=snapshot, dimension=manifest["dimension"])
        except BaseException:
            shutil.rmtree(private, ignore_errors=True)
            raise


class QdrantEdgeIndex:
    """Implements ``VectorIndex`` over a private copy of a snapshot, which it owns."""

    def __init__(self, shard: EdgeShard, folder: Path, *, snapshot: str, dimension: int) -> None:
        self._shard: EdgeShard | None = shard
        self._folder = folder
        self._snapshot = snapshot
        self._dimension = dimension
        self._remembered: OrderedDict[str, _Stored] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def snapshot(self) -> str:
        return self._snapshot

    def search(self, searches: Sequence[Search]) -> list[list[SearchHit]]:
        """Each search's hits, best first, ties by point id.

        Raises:
            BadInputError: no tenant, a limit under 1, a vector of another shape, or a closed index.
        """
        shard = self._shard
        if shard is None:
            raise BadInputError("the index is closed; open the snapshot again")

        def ask(wanted: Sequence[tuple[Search, int]]) -> list[list[Found]]:
            requests = [_request(search, n_points) for search, n_points in wanted]
            answers = shard.query_batch(QueryBatchRequest(requests))
            points = self._points_of(shard, {str(each.id) for answer in answers for each in answer})
            return [[Found(each.score, *points[str(each.id)]) for each in answer] for answer in answers]

        return find_hits(searches, self._dimension, ask)

    def _points_of(self, shard: EdgeShard, ids: Set[str]) -> dict[str, _Stored]:
        """Payload and vector of each point; those met before are remembered, as bringing them over costs most."""
        with self._lock:
            known = {each: self._remembered[each] for each in ids if each in self._remembered}
        missing: list[Any] = sorted(ids - known.keys())
        for record in shard.retrieve(missing, with_payload=True, with_vector=[DENSE]) if missing else ():
            point = found(0.0, record.payload, record.vector)
            known[str(record.id)] = (point.payload, np.array(point.vector, dtype=np.float32))
        with self._lock:
            for each in ids:
                self._remembered[each] = known[each]
                self._remembered.move_to_end(each)
            while len(self._remembered) > _POINTS_REMEMBERED:
                self._remembered.popitem(last=False)
        return known

    def close(self) -> None:
        """Release the engine and remove the private copy; closing twice does nothing."""
        if self._shard is not None:
            self._shard.close()
            self._shard = None
            shutil.rmtree(self._folder, ignore_errors=True)


def _request(search: Search, n_points: int) -> QueryRequest:
    return QueryRequest(
        limit=n_points,
        query=Query.Nearest(unit(search.vector).tolist(), using=DENSE)
        if search.terms is None
        else Query.Nearest(_engine_terms(search.terms), using=TERMS),
        filter=Filter(must=[FieldCondition(name, match=MatchValue(value)) for name, value in required_fields(search)]),
        params=SearchParams(exact=True),
    )


def _engine_terms(terms: SparseVector) -> EngineTerms:
    return EngineTerms(terms.indices.tolist(), terms.values.tolist())


def _write_shard(folder: Path, ordered: Sequence[IndexPoint], dimension: int) -> None:
    folder.mkdir()
    config = EdgeConfig(
        vectors={DENSE: EdgeVectorParams(size=dimension, distance=Distance.Dot)},
        sparse_vectors={TERMS: EdgeSparseVectorParams()},
        optimizers=EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=_NEVER),
        max_search_threads=1,
        wal_enabled=False,
    )
    shard = EdgeShard.create(str(folder), config)
    try:
        for name in (TENANT, FIELDS):
            shard.update(UpdateOperation.create_field_index(name, PayloadSchemaType.Keyword))
        for start in range(0, len(ordered), _POINTS_AT_ONCE):
            batch = [_engine_point(point) for point in ordered[start : start + _POINTS_AT_ONCE]]
            shard.update(UpdateOperation.upsert_points(batch))
        shard.optimize()
        shard.flush()
    finally:
        shard.close()


def _engine_point(point: IndexPoint) -> Point:
    vectors = {DENSE: unit(point.vector).tolist(), TERMS: _engine_terms(point.terms)}
    return Point(engine_id(point), vectors, engine_payload(point))


def _publish(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another process has published the same content
            raise


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    if not path.is_file():
        raise DamagedDatasetError(f"{folder} is not an index snapshot: it has no {_MANIFEST}", path=str(path))
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        if manifest["format"] in _EARLIER:
            raise BadInputError(
                f"{folder} is of the form {manifest['format']}; ingest the documents again", path=str(path)
            )
        if manifest["format"] == _FORMAT and manifest["dimension"] > 0 and isinstance(manifest["files"], dict):
            return manifest
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedDatasetError(f"{folder} is not an index snapshot: {path.name} {error}", path=str(path)) from error
    raise DamagedDatasetError(f"{path} is not of the form {_FORMAT}", path=str(path), expected=_FORMAT)


def _load(folder: Path, source: Path) -> EdgeShard:
    try:
        return EdgeShard.load(str(folder))
    except Exception as error:  # the engine raises bare Exception
        raise DamagedDatasetError(f"the engine cannot open {source}: {error}", path=str(source)) from error
