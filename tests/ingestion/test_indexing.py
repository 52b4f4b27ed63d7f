"""Chunks become points with what answering shows, and a snapshot's name follows from its content."""

import numpy as np
import pytest

from millrace.errors import BadInputError
from millrace.ingestion import indexing
from millrace.ingestion.indexing import index_points, snapshot_name
from millrace.methods.sparse import document_terms
from millrace.ports import IndexPoint, Vectors
from millrace.records.document import Chunk, MetadataField


def chunk(text: str, tenant_id: str = "acme", **fields: object) -> Chunk:
    own = {
        "chunk_id": f"{tenant_id}/{text}",
        "doc_id": "a.md",
        "tenant_id": tenant_id,
        "user_id": "ops",
        "title": "Retries",
        "headings": ["Limits"],
        "text": text,
        "start": 0,
        "end": len(text),
        "position": 0,
    }
    return Chunk.model_validate(own | fields)


def some_vectors(chunks: list[Chunk]) -> Vectors:
    return np.arange(len(chunks) * 2, dtype=np.float32).reshape(-1, 2)


def points_of(*chunks: Chunk) -> list[IndexPoint]:
    return index_points(chunks, some_vectors(list(chunks)))


def terms_of(point: IndexPoint) -> list[tuple[int, float]]:
    return list(zip(point.terms.indices.tolist(), point.terms.values.tolist(), strict=True))


def test_a_point_carries_its_chunks_id_tenant_vector_and_what_is_shown() -> None:
    first, second = points_of(chunk("Wait a second."), chunk("None."))
    assert (first.point_id, first.tenant_id) == ("acme/Wait a second.", "acme")
    assert first.payload == {"text": "Wait a second.", "doc_id": "a.md", "title": "Retries", "user_id": "ops"}
    assert (first.vector.tolist(), second.vector.tolist()) == ([0, 1], [2, 3])


def test_the_terms_are_those_of_title_headings_and_text() -> None:
    (point,) = points_of(chunk("Wait a second."))
    (expected,) = document_terms(["Retries > Limits\nWait a second."])
    assert terms_of(point) == list(zip(expected.indices.tolist(), expected.values.tolist(), strict=True))


def test_a_tenants_terms_do_not_depend_on_other_tenants_documents() -> None:
    own = [chunk("Wait a second."), chunk("Wait for ever.")]
    others = [chunk("Wait, wait and wait again.", "other"), chunk("Second thoughts.", "third")]
    alone, together = points_of(*own), points_of(others[0], own[0], others[1], own[1])
    assert [terms_of(together[place]) for place in (1, 3)] == [terms_of(point) for point in alone]
    assert terms_of(points_of(*own, chunk("Wait.", "acme"))[0]) != terms_of(alone[0])


def test_metadata_can_be_filtered_by_and_cannot_pass_for_the_owner() -> None:
    fields = [MetadataField(name="team", value="ops"), MetadataField(name="user_id", value="mallory")]
    (point,) = points_of(chunk("Wait.", metadata=fields))
    assert (point.payload["team"], point.payload["user_id"]) == ("ops", "ops")


def test_every_chunk_needs_its_own_vector() -> None:
    with pytest.raises(BadInputError, match="1 chunks with 2 vectors"):
        index_points([chunk("Wait.")], np.zeros((2, 2), dtype=np.float32))
    assert index_points([], np.zeros((0, 2), dtype=np.float32)) == []


def test_the_snapshot_is_named_by_its_chunks_in_any_order_by_embedder_and_weighting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chunks = [chunk("Wait."), chunk("Go.")]
    name = snapshot_name(chunks, "e")
    assert snapshot_name(chunks[::-1], "e") == name
    monkeypatch.setattr(indexing, "SPARSE_IDENTITY", "bm25/0")
    assert len({name, snapshot_name(chunks, "e"), snapshot_name(chunks, "f"), snapshot_name(chunks[:1], "e")}) == 4
