"""Ingestion computes what is new, forgets what is gone, and gives the same content however it came about."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import blocks.embedder
from flows.ingest_documents import IngestDocumentsConfig, IngestDocumentsResult, ingest_documents
from millrace.datasets.manifest import DatasetRef
from millrace.errors import NotFoundError
from millrace.ledger import pointers, subjects
from millrace.ports import Vectors
from tasks import documents as steps
from tasks.documents import IndexSnapshot, Ingestion, index_pointer, ingestion_pointer
from tasks.home import Home
from tasks.receipts import read_receipts
from tests.support.embedder import HashedWords
from tests.support.pdf import pdf_of


class Counting(HashedWords):
    """Remembers what it was asked for."""

    texts: list[str]

    def __init__(self) -> None:
        self.texts = []

    def open(self) -> "Counting":
        return self

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return super().embed(texts)


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(blocks.embedder, "_block", lambda _name: counting)
    return counting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    (made / "pump.md").write_text("# Pump\n\nIt lifts water.\n\n## Price\n\nTen crowns.\n")
    (made / "valve.html").write_text("<h1>Valve</h1><p>It stops water.</p>")
    (made / "more.jsonl").write_text('{"doc_id": "dam", "text": "It holds water.", "metadata": {"age": 90}}\n')
    return made


def ingest(folder: Path, run_id: str, **settings: Any) -> IngestDocumentsResult:
    config = {"folder": str(folder), "tenant": "mill", "store": "memory"} | settings
    result: IngestDocumentsResult = ingest_documents.fn(IngestDocumentsConfig.model_validate(config), run_id=run_id)
    return result


def ref_of_vectors(home: Home, run_id: str) -> DatasetRef:
    (receipt,) = [each for each in read_receipts(home.run_folder(run_id)) if each.step == "embed-chunks"]
    return DatasetRef.model_validate(receipt.output)


def test_of_a_changed_folder_only_what_changed_is_embedded(home: Home, folder: Path, embedder: Counting) -> None:
    first = ingest(folder, "one")
    assert len(embedder.texts) == first.changes.n_chunks_embedded == 4
    embedder.texts.clear()
    (folder / "pump.md").write_text("# Pump\n\nIt lifts water.\n\n## Price\n\nTwelve crowns.\n")
    (folder / "valve.html").unlink()
    (folder / "wheel.txt").write_text("It turns.")
    second = ingest(folder, "two")
    assert sorted(embedder.texts) == ["Pump > Price\nTwelve crowns.", "wheel\nIt turns."]
    found = second.changes
    assert (found.n_new, found.n_changed, found.n_unchanged, found.n_removed) == (1, 1, 1, 1)
    assert (found.removed, found.n_chunks_embedded, found.n_chunks_reused) == (["valve.html"], 2, 2)


def test_what_was_reused_cannot_be_told_from_what_was_computed(
    home: Home, folder: Path, embedder: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(folder, "one")
    (folder / "wheel.txt").write_text("It turns.")
    reusing = ingest(folder, "two")
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "other"))
    other = Home(tmp_path / "other")
    fresh = ingest(folder, "fresh")
    assert fresh.changes.n_chunks_reused == 0
    assert reusing.changes.n_chunks_reused == 4
    assert ref_of_vectors(other, "fresh") == ref_of_vectors(home, "two")
    assert (fresh.read, fresh.index) == (reusing.read, reusing.index)


def test_an_unchanged_folder_embeds_nothing_and_builds_nothing(home: Home, folder: Path, embedder: Counting) -> None:
    first = ingest(folder, "one")
    embedder.texts.clear()
    second = ingest(folder, "two")
    assert embedder.texts == []
    assert (second.read, second.index) == (first.read, first.index)
    assert (second.changes.n_unchanged, second.changes.n_chunks_reused) == (3, 4)
    assert ref_of_vectors(home, "one") == ref_of_vectors(home, "two")


def test_vectors_of_another_embedder_are_not_reused(
    home: Home, folder: Path, embedder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(folder, "one")
    embedder.texts.clear()
    monkeypatch.setattr(embedder, "identity", "another", raising=False)
    assert ingest(folder, "two").changes.n_chunks_embedded == 4
    assert len(embedder.texts) == 4


def test_nor_are_those_of_another_machines_numbers(
    home: Home, folder: Path, embedder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(folder, "one")
    embedder.texts.clear()
    monkeypatch.setattr(steps, "numeric_profile", lambda: "another")
    ingest(folder, "two")
    assert len(embedder.texts) == 4


def test_a_home_that_has_lost_the_vectors_computes_them_again(home: Home, folder: Path, embedder: Counting) -> None:
    ingest(folder, "one")
    embedder.texts.clear()
    shutil.rmtree(home.datasets.folder(ref_of_vectors(home, "one")))
    assert ingest(folder, "two").changes.n_chunks_embedded == 4
    assert len(embedder.texts) == 4


def test_a_receipt_names_no_earlier_vectors_so_that_verification_computes_them(
    home: Home, folder: Path, embedder: Counting
) -> None:
    ingest(folder, "one")
    ingest(folder, "two")
    receipts = {each.step: each for each in read_receipts(home.run_folder("two"))}
    assert receipts["embed-chunks"].arguments["earlier"] == {"name": "earlier vectors"}
    assert receipts["embed-chunks"].inputs == receipts["publish-index"].inputs[:1]


def test_pointers_of_earlier_versions_still_load(home: Home, folder: Path, embedder: Counting) -> None:
    result = ingest(folder, "one", store="embedded")
    pointed = pointers.pointer(home.ledger, index_pointer("main"))
    assert pointed is not None
    assert pointed.value.pop("store") == {"name": "embedded"}
    assert IndexSnapshot.model_validate(pointed.value) == result.index
    assert Ingestion.model_validate({}) == Ingestion()


def test_chunks_without_an_owner_are_skips_and_the_rest_is_searched(
    home: Home, folder: Path, embedder: Counting
) -> None:
    (folder / "more.jsonl").write_text('{"doc_id": "dam", "text": "It holds.", "user_id": " "}\nnot json\n')
    (folder / "scan.pdf").write_bytes(pdf_of(["", "Seen."]))
    result = ingest(folder, "one")
    skips = home.datasets.open(result.read.skips).to_arrow().to_pylist()
    assert [(skip["source"], skip["reason"]) for skip in skips] == [
        ("more.jsonl", "missing_user_id"),
        ("more.jsonl", "not_json"),
        ("scan.pdf", "page_without_text"),
    ]
    assert result.index.n_chunks == 4


def test_an_empty_folder_gives_an_empty_index(home: Home, tmp_path: Path, embedder: Counting) -> None:
    (tmp_path / "empty").mkdir()
    result = ingest(tmp_path / "empty", "one")
    assert (result.index.n_chunks, result.changes.n_documents) == (0, 0)


def test_a_missing_folder_is_said_before_anything_is_done(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file or folder"):
        ingest(tmp_path / "absent", "one")


def test_vectors_belong_to_those_whose_chunks_they_are_of(home: Home, folder: Path, embedder: Counting) -> None:
    ingest(folder, "one", owner="ann")
    ann = subjects.keyed_hash(home.subject_key, "user", "ann")
    holding = subjects.datasets_of_subject(home.ledger, "user", ann)
    assert {ref.kind for ref in home.datasets.refs() if ref.content_hash in holding} >= {"chunks", "chunk_vectors"}


def test_personal_data_of_any_format_is_gone_before_anything_is_stored(
    home: Home, folder: Path, embedder: Counting
) -> None:
    (folder / "mail.html").write_text("<h1>Write to ann@example.org</h1><p>or to bob@example.org.</p>")
    (folder / "mail.pdf").write_bytes(pdf_of(["Ask cid@example.org."]))
    (folder / "mail.jsonl").write_text('{"doc_id": "m", "text": "x", "metadata": {"by": "dora@example.org"}}')
    ingest(folder, "one", store="embedded")
    stored = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    tables = str([home.datasets.open(ref).to_arrow().to_pylist() for ref in home.datasets.refs()])
    for name in ("ann", "bob", "cid", "dora"):
        assert f"{name}@example" not in tables
        assert f"{name}@example".encode() not in stored
    assert tables.count("[EMAIL]") > 4


def test_the_notes_of_an_ingestion_are_read_by_its_own_index_only(home: Home, folder: Path, embedder: Counting) -> None:
    ingest(folder, "one")
    embedder.texts.clear()
    assert ingest(folder, "two", index="other").changes.n_new == 3
    assert pointers.pointer(home.ledger, ingestion_pointer("other")) is not None
