"""An embedder for many coroutines of one event loop: texts that come together are embedded together."""

import asyncio

from millrace.ports import Embedder, Vectors


class EmbeddingQueue:
    """Gathers what comes while the batch before is at work, in a thread that does not hold up the event loop."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._waiting: dict[str, asyncio.Future[Vectors]] = {}
        self._pump: asyncio.Task[None] | None = None

    async def embed(self, text: str) -> Vectors:
        """The text's unit vector, shape (dimension,).

        Raises:
            Exception: whatever the embedder raised for the batch that the text was in.
        """
        future = self._waiting.get(text)
        if future is None:
            future = self._waiting[text] = asyncio.get_running_loop().create_future()
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._work_off())
        return await asyncio.shield(future)  # one that is cancelled must not take the others' vector away

    async def _work_off(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            try:
                vectors = await asyncio.to_thread(self._embedder.embed, list(batch))
            except Exception as error:
                for future in batch.values():
                    future.set_exception(error)
                continue
            for future, vector in zip(batch.values(), vectors, strict=True):
                future.set_result(vector)
