"""Chunks to points of the vector index."""

from collections.abc import Sequence

from millrace.datasets.canonical import sha256_json
from millrace.ports import Embedder, IndexPoint
from millrace.records.document import Chunk


def index_points(chunks: Sequence[Chunk], embedder: Embedder) -> list[IndexPoint]:
    """One point per chunk in their order; title and headings are embedded with the text."""
    vectors = embedder.embed([chunk.searchable() for chunk in chunks])
    return [
        IndexPoint(chunk.chunk_id, vector, chunk.tenant_id, _payload(chunk))
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]


def snapshot_name(chunks: Sequence[Chunk], embedder_identity: str) -> str:
    """The name of the snapshot of these chunks: equal for equal chunks in any order and an equal embedder."""
    return sha256_json([embedder_identity, sorted((chunk.model_dump() for chunk in chunks), key=_order)])


def _order(chunk: dict[str, str]) -> tuple[str, str]:
    return chunk["tenant_id"], chunk["chunk_id"]


def _payload(chunk: Chunk) -> dict[str, str]:
    return {"text": chunk.text, "doc_id": chunk.doc_id, "title": chunk.title, "user_id": chunk.user_id}
