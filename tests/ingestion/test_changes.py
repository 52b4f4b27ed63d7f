"""Documents and chunks are counted against those of the ingestion before."""

from collections.abc import Sequence
from pathlib import Path

from millrace.datasets.schema import table_of
from millrace.datasets.store import DatasetStore
from millrace.ingestion.changes import Ingested, compare_ingestions
from millrace.ingestion.chunks import ChunkingConfig, chunk_documents
from millrace.ingestion.markdown import make_document
from millrace.ingestion.vectors import embed_part
from millrace.records.document import Chunk, Document, MetadataField
from tests.ingestion.test_vectors import ORIGIN
from tests.support.embedder import HashedWords

NOTHING = Ingested(None, None, None)


def page(name: str, text: str, **changes: object) -> Document:
    return make_document(text, source=name, tenant_id="t", user_id="u").model_copy(update=changes)


def ingested(root: Path, documents: Sequence[Document]) -> Ingested:
    store = DatasetStore(root)
    chunks = table_of(Chunk, chunk_documents(documents, ChunkingConfig())[0])
    vectors = embed_part(chunks, embedder=HashedWords, known=None, tell=lambda _: None)
    refs = [
        store.write(kind, table, ORIGIN, key="k")
        for kind, table in (
            ("documents", table_of(Document, documents)),
            ("chunks", chunks),
            ("chunk_vectors", vectors),
        )
    ]
    return Ingested(*(store.open(ref) for ref in refs))


def test_the_first_ingestion_is_all_new(tmp_path: Path) -> None:
    now = ingested(tmp_path, [page("a", "One."), page("b", "# H\nTwo.\n# I\nThree.")])
    found = compare_ingestions(now, NOTHING)
    assert (found.n_documents, found.n_new, found.n_removed) == (2, 2, 0)
    assert (found.n_chunks, found.n_chunks_embedded, found.n_chunks_reused) == (3, 3, 0)


def test_what_stayed_changed_came_and_went_is_counted(tmp_path: Path) -> None:
    before = [page("same", "Same."), page("text", "Old."), page("gone", "Gone."), page("title", "Titled.", title="A")]
    before += [page("tagged", "Tagged.")]
    after = [page("same", "Same."), page("text", "New."), page("new", "Fresh."), page("title", "Titled.", title="B")]
    after += [page("tagged", "Tagged.", metadata=[MetadataField(name="a", value="b")])]
    found = compare_ingestions(ingested(tmp_path / "now", after), ingested(tmp_path / "before", before))
    assert (found.n_new, found.n_changed, found.n_unchanged, found.n_removed) == (1, 3, 1, 1)
    assert found.removed == ["gone"]
    # Two searchable texts are as before, one of them under other metadata; "Old." and "Gone." are in no chunk now.
    assert (found.n_chunks_reused, found.n_chunks_embedded, found.n_chunks_removed) == (2, 3, 2)


def test_a_document_of_another_tenant_is_another_document(tmp_path: Path) -> None:
    now = ingested(tmp_path / "now", [page("a", "One.", tenant_id="other")])
    found = compare_ingestions(now, ingested(tmp_path / "before", [page("a", "One.")]))
    assert (found.n_new, found.n_removed, found.n_chunks_reused) == (1, 1, 1)


def test_of_what_was_removed_the_first_names_are_given(tmp_path: Path) -> None:
    before = ingested(tmp_path / "before", [page(f"{number:02d}", f"Text {number}.") for number in range(30)])
    found = compare_ingestions(ingested(tmp_path / "now", []), before)
    assert (found.n_removed, found.n_chunks_removed) == (30, 30)
    assert found.removed == [f"{number:02d}" for number in range(20)]


def test_the_counts_are_said_in_a_line(tmp_path: Path) -> None:
    assert compare_ingestions(ingested(tmp_path, [page("a", "One.")]), NOTHING).summary() == (
        "1 documents: 1 new, 0 changed, 0 unchanged, 0 removed; 1 chunks: 1 embedded, 0 reused, 0 removed"
    )
