"""Chunks to points of the vector index."""

from collections.abc import Sequence

from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError
from millrace.methods.sparse import SPARSE_IDENTITY, document_terms
from millrace.ports import NO_TERMS, IndexPoint, SparseVector, Vectors
from millrace.records.document import Chunk


def index_points(chunks: Sequence[Chunk], vectors: Vectors) -> list[IndexPoint]:
    """One point per chunk in their order, with its vector and the weights of its terms among its tenant's chunks.

    Args:
        chunks: all chunks of the snapshot: a term's weight depends on all of the tenant's.
        vectors: of the chunks' ``searchable()`` texts, shape (n_chunks, dimension).

    Raises:
        BadInputError: not one vector per chunk.
    """
    if len(chunks) != len(vectors):
        raise BadInputError(f"{len(chunks)} chunks with {len(vectors)} vectors; each chunk needs its own")
    return [
        IndexPoint(chunk.chunk_id, vector, chunk.tenant_id, _payload(chunk), terms)
        for chunk, vector, terms in zip(chunks, vectors, _terms_by_tenant(chunks), strict=True)
    ]


def snapshot_name(chunks: Sequence[Chunk], embedder_identity: str) -> str:
    """The name of these chunks' snapshot: equal for equal chunks in any order, equal embedder and weighting."""
    ordered = sorted((chunk.model_dump() for chunk in chunks), key=_order)
    return sha256_json([SPARSE_IDENTITY, embedder_identity, ordered])


def _terms_by_tenant(chunks: Sequence[Chunk]) -> list[SparseVector]:
    places: dict[str, list[int]] = {}
    for place, chunk in enumerate(chunks):
        places.setdefault(chunk.tenant_id, []).append(place)
    terms = [NO_TERMS] * len(chunks)
    for own in places.values():
        for place, weights in zip(own, document_terms([chunks[place].searchable() for place in own]), strict=True):
            terms[place] = weights
    return terms


def _order(chunk: dict[str, str]) -> tuple[str, str]:
    return chunk["tenant_id"], chunk["chunk_id"]


def _payload(chunk: Chunk) -> dict[str, str]:
    """What is shown and filtered by; metadata of the user's cannot pass for what Millrace itself knows."""
    own = {"text": chunk.text, "doc_id": chunk.doc_id, "title": chunk.title, "user_id": chunk.user_id}
    return {field.name: field.value for field in chunk.metadata} | own
