"""A deterministic embedder and a small index, so that answers can be worked out by hand."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from millrace.adapters.qdrant_edge import QdrantEdgeStore
from millrace.answering.config import AnsweringConfig
from millrace.answering.traces import Answerer
from millrace.methods.text import content_words
from millrace.ports import Embedder, IndexPoint, Vectors


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
    store = QdrantEdgeStore(tmp_path)
    vectors = embedder.embed(list(PASSAGES.values()))
    points = [
        IndexPoint(name, vector, "acme", {"text": text, "doc_id": f"{name}.md", "title": name})
        for (name, text), vector in zip(PASSAGES.items(), vectors, strict=True)
    ]
    store.build("one", points, dimension=embedder.dimension)
    index = store.open("one")
    seconds = iter(range(10_000))

    def make(config: AnsweringConfig | None = None) -> Answerer:
        return Answerer(index, "one", embedder, config or AnsweringConfig(), clock=lambda: float(next(seconds)))

    yield make
    index.close()
