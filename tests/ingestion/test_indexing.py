"""Chunks become points with what answering shows, and a snapshot's name follows from its content."""

from collections.abc import Sequence

import numpy as np

from millrace.ingestion.chunks import ChunkingConfig, chunk_documents
from millrace.ingestion.indexing import index_points, snapshot_name
from millrace.ingestion.markdown import make_document
from millrace.ports import Vectors
from millrace.records.document import Chunk


class LengthEmbedder:
    """A text's vector is its length."""

    identity = "length"
    dimension = 1

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([[len(text)] for text in texts], dtype=np.float32).reshape(-1, 1)


def some_chunks() -> list[Chunk]:
    page = make_document("# Retries\nWait a second.\n# Limits\nNone.", source="a.md", tenant_id="acme", user_id="ops")
    return chunk_documents([page], ChunkingConfig())[0]


def test_a_point_carries_tenant_owner_document_and_text_and_is_embedded_with_its_headings() -> None:
    chunks = some_chunks()
    first, _ = index_points(chunks, LengthEmbedder())
    assert (first.point_id, first.tenant_id) == (chunks[0].chunk_id, "acme")
    assert first.payload == {"text": "Wait a second.", "doc_id": "a.md", "title": "Retries", "user_id": "ops"}
    assert first.vector.tolist() == [len("Retries\nWait a second.")]


def test_the_snapshot_is_named_by_its_chunks_in_any_order_and_by_the_embedder() -> None:
    chunks = some_chunks()
    assert snapshot_name(chunks, "e") == snapshot_name(chunks[::-1], "e")
    assert len({snapshot_name(chunks, "e"), snapshot_name(chunks, "f"), snapshot_name(chunks[:1], "e")}) == 3
