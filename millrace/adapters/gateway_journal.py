"""The request journal as the gateway uses it: asked and written in batches, away from the event loop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from millrace.adapters.gateway_settings import GatewaySettings
from millrace.datasets.canonical import sha256_json
from millrace.ports import ChatMessage, ChatReply, ChatRequest, RequestJournal

T = TypeVar("T")


def request_key(
    settings: GatewaySettings, model: str, messages: tuple[ChatMessage, ...], request: ChatRequest, attempt: int
) -> str:
    """What a reply is journalled under, 64 hex digits: all that is asked for, and the how-manieth reply it is.

    How JSON is asked for is left out: the gateway's way is found out anew by each process.
    """
    content: dict[str, Any] = {
        "model": model,
        "messages": [[message.role, message.content] for message in messages],
        "schema": request.schema,
        "max_output_tokens": request.max_output_tokens,
        "temperature": settings.temperature,
        "seed": settings.seed,
        "attempt": attempt,
    }
    if request.sample:  # left out where there is but one, so that replies paid for long ago are found
        content["sample"] = request.sample
    return sha256_json(content)


_GATHER_S = 0.02  # between transactions: what comes meanwhile shares the next one; a single call never waits for it


class JournalQueue:
    """The journal for many coroutines of one event loop; what comes together is read or written together."""

    def __init__(self, journal: RequestJournal) -> None:
        self._reads = _Batches[None](lambda wanted: journal.get(list(wanted)))
        self._writes = _Batches[ChatReply](journal.put)

    async def get(self, key: str) -> ChatReply | None:
        """The reply under the key, if there is one. A key is asked for by one caller at a time."""
        return await self._reads.add(key, None)

    async def put(self, key: str, reply: ChatReply) -> ChatReply:
        """Make a reply durable; returns the one that the journal keeps under the key."""
        return await self._writes.add(key, reply) or reply


class _Batches(Generic[T]):
    """Gathers what comes while the batch before is at work, in a thread that does not hold up the event loop."""

    def __init__(self, work: Callable[[Mapping[str, T]], Mapping[str, ChatReply]]) -> None:
        self._work = work
        self._waiting: dict[str, tuple[T, asyncio.Future[ChatReply | None]]] = {}
        self._pump: asyncio.Task[None] | None = None

    async def add(self, key: str, value: T) -> ChatReply | None:
        """What the work gives for the key.

        Raises:
            Exception: whatever the work raised for the batch that the key was in.
        """
        future: asyncio.Future[ChatReply | None] = asyncio.get_running_loop().create_future()
        self._waiting[key] = (value, future)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._work_off())
        return await future

    async def _work_off(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            futures = {key: future for key, (_, future) in batch.items()}
            try:
                results = await asyncio.to_thread(self._work, {key: value for key, (value, _) in batch.items()})
            except Exception as error:
                for future in futures.values():
                    if not future.done():
                        future.set_exception(error)
                continue
            for key, future in futures.items():
                if not future.done():  # its caller may have been cancelled
                    future.set_result(results.get(key))
            await asyncio.sleep(_GATHER_S)
