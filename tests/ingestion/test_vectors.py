"""A text that has a vector is not embedded again, and nothing in the result tells whether it was."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import Origin
from millrace.datasets.schema import table_of
from millrace.datasets.store import DatasetStore
from millrace.datasets.values import table_hash
from millrace.ingestion import vectors
from millrace.ingestion.vectors import KnownVectors, embed_part, vectors_of
from millrace.ports import Vectors
from millrace.records.document import Chunk
from tests.support.embedder import HashedWords

ORIGIN = Origin(stage="s", code_fingerprint="c" * 64, settings_hash="0" * 64, inputs=[], numeric_profile="p")


class Counting(HashedWords):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        return super().embed(texts)


def chunk(text: str, number: int = 0) -> Chunk:
    return Chunk(
        chunk_id=f"{number}-{text}"[:500],
        doc_id="d",
        tenant_id="t",
        user_id="u",
        title="",
        headings=[],
        text=text,
        start=0,
        end=len(text),
        position=number,
    )


def embed(texts: Sequence[str], known: KnownVectors | None = None) -> "tuple[object, list[list[str]]]":
    embedder, told = Counting(), [0]
    table = embed_part(
        table_of(Chunk, [chunk(text, number) for number, text in enumerate(texts)]),
        embedder=lambda: embedder,
        known=known,
        tell=lambda n_more: told.append(n_more),
    )
    assert sum(told) == len(texts)
    return table, embedder.calls


@pytest.fixture
def stored(tmp_path: Path) -> Dataset:
    """Vectors of five texts, two a part."""
    store = DatasetStore(tmp_path)
    with store.building("chunk_vectors", "key") as builder:
        for slot, texts in enumerate((["one", "two"], ["three", "four"], ["five"])):
            builder.commit(slot, embed(texts)[0])
        return store.open(builder.publish(3, ORIGIN))


def test_only_texts_without_a_vector_are_embedded_and_the_result_is_the_same(stored: Dataset) -> None:
    texts = ["five", "new", "one", "four", "newer one", "two"]
    fresh, all_calls = embed(texts)
    reusing, calls = embed(texts, KnownVectors(stored))
    assert sorted(text for call in all_calls for text in call) == sorted(texts)
    assert sorted(text for call in calls for text in call) == ["new", "newer one"]
    assert table_hash(reusing) == table_hash(fresh)


def test_where_all_is_known_no_embedder_is_opened(stored: Dataset) -> None:
    def unwanted() -> HashedWords:
        raise AssertionError("opened")

    chunks = table_of(Chunk, [chunk("three"), chunk("five")])
    table = embed_part(chunks, embedder=unwanted, known=KnownVectors(stored), tell=lambda _: None)
    assert np.array_equal(vectors_of(table), HashedWords().embed(["three", "five"]))


def test_a_vector_belongs_to_the_whole_searchable_text() -> None:
    under_heading = chunk("one").model_copy(update={"headings": ["Head"]})
    table = embed_part(
        table_of(Chunk, [chunk("one"), under_heading]), embedder=HashedWords, known=None, tell=lambda _: None
    )
    assert np.array_equal(vectors_of(table), HashedWords().embed(["one", "Head\none"]))
    assert len(set(table.column("text_hash").to_pylist())) == 2


def test_texts_are_embedded_some_at_a_time_those_of_about_equal_length_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vectors, "_TEXTS_AT_ONCE", 2)
    table, calls = embed(["a long text of words", "b", "a longer text of words", "c", "d"])
    assert calls == [["b", "c"], ["d", "a long text of words"], ["a longer text of words"]]
    expected = HashedWords().embed(["a long text of words", "b", "a longer text of words", "c", "d"])
    assert np.array_equal(vectors_of(table), expected)


def test_no_chunks_have_no_vectors(stored: Dataset) -> None:
    for known in (None, KnownVectors(stored)):
        table, calls = embed([], known)
        assert calls == []
        assert vectors_of(table).shape == (0, 0)


def test_of_an_earlier_dataset_few_parts_are_held_at_a_time(stored: Dataset) -> None:
    known = KnownVectors(stored)
    embed(["one", "three", "five"], known)
    assert len(known._held) == 2
