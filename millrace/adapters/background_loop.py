"""An event loop in a thread of its own, so that code in any thread can have many calls under way at once."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for other threads until it is closed."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether nothing can be run any more; so it is in a forked child, which has no such thread."""
        return self._loop.is_closed() or not self._thread.is_alive()

    def time(self) -> float:
        """Seconds of the loop's clock, which does not go back."""
        return self._loop.time()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the coroutine; when the calling thread is interrupted, the coroutine is cancelled.

        Raises:
            RuntimeError: the loop is closed.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what is under way, and end the thread; a second call does nothing."""
        if self.closed:
            return
        asyncio.run_coroutine_threadsafe(self._wind_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _wind_up(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()
