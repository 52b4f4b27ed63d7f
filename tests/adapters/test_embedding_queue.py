"""Texts of many coroutines share batches, and each gets its own vector."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np
import pytest

from millrace.adapters.embedding_queue import EmbeddingQueue
from millrace.ports import Vectors


class Counting:
    identity = "counting/1"
    dimension = 1

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        time.sleep(0.01)
        if "bad" in texts:
            raise ValueError("no vector")
        return np.array([[len(text)] for text in texts], dtype=np.float32)


def test_texts_that_come_while_a_batch_is_at_work_share_the_next_one() -> None:
    embedder = Counting()

    async def embed_all() -> list[Vectors]:
        queue = EmbeddingQueue(embedder)
        return list(await asyncio.gather(*(queue.embed("x" * (number % 20)) for number in range(100))))

    vectors = asyncio.run(embed_all())
    assert [float(vector[0]) for vector in vectors] == [number % 20 for number in range(100)]
    assert sum(map(len, embedder.batches)) == 20  # equal texts are embedded once


def test_an_error_reaches_those_who_wait_and_no_others() -> None:
    async def embed() -> float:
        queue = EmbeddingQueue(Counting())
        with pytest.raises(ValueError, match="no vector"):
            await queue.embed("bad")
        return float((await queue.embed("good"))[0])

    assert asyncio.run(embed()) == 4.0
