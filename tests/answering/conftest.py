"""A deterministic embedder and a small index, so that answers can be worked out by hand."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from millrace.adapters.qdrant_edge import QdrantEdgeStore
from millrace.answering.config import AnsweringConfig
from millrace.answering.traces import Answerer
from millrace.ingestion.indexing import index_points
from millrace.methods.text import content_words
from millrace.ports import Embedder, Vectors
from millrace.records.document import Chunk
from tests.support.answering import answerer_over


class WordEmbedder:
    """A text's vector counts its content words in 256 hashed places."""

    identity = "words"
    dimension = 256

    def __init__(self) -> None:
        self.n_calls = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.n_calls += 1
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in content_words(text):
                row[hashlib.sha256(word.encode()).digest()[0]] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


PASSAGES = {
    "retries": "A failed task is retried three times. Between retries the worker waits ten seconds.",
    "storage": "Results are stored in the home folder. Old results are deleted by the garbage collector.",
    "tables": "| Setting | Meaning |\n|---|---|\n| retries | how often a failed task is retried |",
}


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def make_answerer(tmp_path: Path, embedder: Embedder) -> Iterator[Callable[..., Answerer]]:
    """Makes answerers over the passages; by default without routes, whose thresholds are those of other embedders."""
    store = QdrantEdgeStore(tmp_path)
    chunks = [
        Chunk(
            chunk_id=name,
            doc_id=f"{name}.md",
            tenant_id="acme",
            user_id="ops",
            title=name,
            headings=[],
            text=text,
            start=0,
            end=len(text),
            position=0,
        )
        for name, text in PASSAGES.items()
    ]
    store.build("one", index_points(chunks, embedder.embed(list(PASSAGES.values()))), dimension=embedder.dimension)
    index = store.open("one")

    def make(config: AnsweringConfig | None = None, **others: Any) -> Answerer:
        return answerer_over(index, embedder, config or AnsweringConfig(routing=None), **others)

    yield make
    index.close()
