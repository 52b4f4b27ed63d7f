"""The vector index on a Qdrant server: a snapshot is a collection behind an alias.

A collection is filled and counted before its alias makes it known, so a snapshot is whole or not there. A build that
is killed leaves a collection without an alias, which nothing reads and anybody may delete. No approximate graph is
built, and searches are exact.
"""

import contextlib
import uuid
from collections.abc import Sequence
from functools import partial

from qdrant_client import QdrantClient, models

from millrace.adapters.qdrant_connection import Connection
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
from millrace.errors import BadInputError, DamagedDatasetError, MillraceError, NotFoundError, UnavailableError
from millrace.ports import IndexPoint, Search, SearchHit, SparseVector, VectorIndex

_POINTS_AT_ONCE = 200
_KEYWORD = models.KeywordIndexType.KEYWORD


def connect(url: str, api_key: str | None, *, name: str, timeout_s: int = 30, tries: int = 3) -> Connection:
    """A connection to a server; nothing is sent yet.

    Args:
        url: with scheme and port, such as ``http://localhost:6333``; Qdrant's port where it has none.
        name: what messages call the server.
        timeout_s: of each call.
        tries: of each call.
    """
    client = QdrantClient(url=url, api_key=api_key, timeout=timeout_s, check_compatibility=False)
    return Connection(client, name, tries=tries)


class QdrantServerStore:
    """Implements ``VectorIndexStore``.

    Args:
        connection: to a server, or to qdrant-client's local mode.
        prefix: of the names of all its collections and aliases.
        local: whether it is the local mode, which indexes no fields and is always exact.
    """

    def __init__(self, connection: Connection, *, prefix: str = "millrace", local: bool = False) -> None:
        self._connection = connection
        self._prefix = check_name(prefix)
        self._local = local

    def path(self, snapshot: str) -> None:
        """None: it does not lie in files here."""

    def exists(self, snapshot: str) -> bool:
        """Whether the snapshot's alias is there."""
        return self._collection(snapshot) is not None

    def build(self, snapshot: str, points: Sequence[IndexPoint], *, dimension: int) -> None:
        """Fill a new collection, count it, and give it the snapshot's alias; one that has it already is left as it is.

        Raises:
            BadInputError: as of the embedded index, or the server refuses.
            UnavailableError: the server does not answer, or has not kept all points.
        """
        ordered = ordered_points(points, dimension)
        if self.exists(snapshot):
            return
        collection = f"{self._alias(snapshot)}-{uuid.uuid4().hex[:12]}"
        try:
            self._create(collection, dimension)
            self._fill(collection, ordered)
            published = self._publish(collection, snapshot)
        except BaseException:
            with contextlib.suppress(MillraceError):
                self._drop(collection)
            raise
        if not published:
            self._drop(collection)

    def open(self, snapshot: str) -> VectorIndex:
        """The collection that the alias names now; it is not changed by what is built later.

        Raises:
            NotFoundError: no such snapshot.
            DamagedDatasetError: the collection is not one of Millrace's.
        """
        collection = self._collection(snapshot)
        if collection is None:
            raise NotFoundError(f"no index snapshot {snapshot} on the Qdrant server", snapshot=snapshot)
        info = self._connection.call("open", lambda client: client.get_collection(collection))
        vectors, terms = info.config.params.vectors, info.config.params.sparse_vectors
        if not isinstance(vectors, dict) or DENSE not in vectors or TERMS not in (terms or {}):
            raise DamagedDatasetError(f"the collection {collection} lacks the vectors {DENSE!r} and {TERMS!r}")
        params = None if self._local else models.SearchParams(exact=True)
        size = vectors[DENSE].size
        return QdrantServerIndex(self._connection, collection, params, snapshot=snapshot, dimension=size)

    def _alias(self, snapshot: str) -> str:
        return f"{self._prefix}-{check_name(snapshot)}"

    def _collection(self, snapshot: str) -> str | None:
        alias = self._alias(snapshot)
        known = self._connection.call("look up", lambda client: client.get_aliases()).aliases
        return next((each.collection_name for each in known if each.alias_name == alias), None)

    def _create(self, collection: str, dimension: int) -> None:
        def create(client: QdrantClient) -> None:
            if not client.collection_exists(collection):  # it is there when an earlier try was cut off after its work
                client.create_collection(
                    collection,
                    vectors_config={DENSE: models.VectorParams(size=dimension, distance=models.Distance.DOT)},
                    sparse_vectors_config={TERMS: models.SparseVectorParams()},
                    hnsw_config=models.HnswConfigDiff(m=0),
                )

        self._connection.call("create", create)
        for name in () if self._local else (TENANT, FIELDS):
            schema = models.KeywordIndexParams(type=_KEYWORD, is_tenant=name == TENANT)
            index = partial(
                QdrantClient.create_payload_index,
                collection_name=collection,
                field_name=name,
                field_schema=schema,
                wait=True,
            )
            self._connection.call("index fields", index)

    def _fill(self, collection: str, ordered: Sequence[IndexPoint]) -> None:
        for start in range(0, len(ordered), _POINTS_AT_ONCE):
            batch = [_engine_point(point) for point in ordered[start : start + _POINTS_AT_ONCE]]
            upsert = partial(QdrantClient.upsert, collection_name=collection, points=batch, wait=True)
            self._connection.call("upsert", upsert)
        n_kept = self._connection.call("count", lambda client: client.count(collection, exact=True)).count
        if n_kept != len(ordered):
            raise UnavailableError(f"the server kept {n_kept} of {len(ordered)} points; build again", n_kept=n_kept)

    def _publish(self, collection: str, snapshot: str) -> bool:
        """False when another process has published the same content meanwhile."""
        if self.exists(snapshot):
            return False
        create = models.CreateAlias(collection_name=collection, alias_name=self._alias(snapshot))
        operations = [models.CreateAliasOperation(create_alias=create)]
        return self._connection.call("publish", lambda client: client.update_collection_aliases(operations))

    def _drop(self, collection: str) -> None:
        self._connection.call("drop", lambda client: client.delete_collection(collection))


class QdrantServerIndex:
    """Implements ``VectorIndex`` over one collection."""

    def __init__(
        self,
        connection: Connection,
        collection: str,
        params: models.SearchParams | None,
        *,
        snapshot: str,
        dimension: int,
    ) -> None:
        self._connection: Connection | None = connection
        self._collection = collection
        self._params = params
        self._snapshot = snapshot
        self._dimension = dimension

    @property
    def snapshot(self) -> str:
        return self._snapshot

    def search(self, searches: Sequence[Search]) -> list[list[SearchHit]]:
        """Each search's hits, best first, ties by point id.

        Raises:
            BadInputError: no tenant, a limit under 1, a vector of another shape, or a closed index.
            UnavailableError: the server does not answer.
        """
        connection = self._connection
        if connection is None:
            raise BadInputError("the index is closed; open the snapshot again")

        def ask(wanted: Sequence[tuple[Search, int]]) -> list[list[Found]]:
            requests = [_request(search, n_points, self._params) for search, n_points in wanted]
            answers = connection.call(
                "search", lambda client: client.query_batch_points(self._collection, requests=requests)
            )
            if len(answers) != len(requests):
                raise BadInputError(f"the server answered {len(answers)} of {len(requests)} searches")
            return [[found(point.score, point.payload, point.vector) for point in answer.points] for answer in answers]

        return find_hits(searches, self._dimension, ask)

    def close(self) -> None:
        """Searches no more; the store's connection stays."""
        self._connection = None


def _request(search: Search, n_points: int, params: models.SearchParams | None) -> models.QueryRequest:
    required: list[models.Condition] = [
        models.FieldCondition(key=name, match=models.MatchValue(value=value)) for name, value in required_fields(search)
    ]
    query = unit(search.vector).tolist() if search.terms is None else _engine_terms(search.terms)
    return models.QueryRequest(
        query=query,
        using=DENSE if search.terms is None else TERMS,
        filter=models.Filter(must=required),
        params=params,
        limit=n_points,
        with_payload=True,
        with_vector=[DENSE],
    )


def _engine_point(point: IndexPoint) -> models.PointStruct:
    vectors: dict[str, models.Vector] = {DENSE: unit(point.vector).tolist(), TERMS: _engine_terms(point.terms)}
    return models.PointStruct(id=engine_id(point), vector=vectors, payload=engine_payload(point))


def _engine_terms(terms: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=terms.indices.tolist(), values=terms.values.tolist())
