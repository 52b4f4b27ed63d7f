"""A chat model behind any OpenAI-compatible gateway: many calls at once, each paid for once, none lost."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from jsonschema.protocols import Validator

from millrace.adapters.gateway_calls import GatewayConnection
from millrace.adapters.gateway_output import Reading, corrected, schema_validator
from millrace.adapters.gateway_replies import Replies, Turn, reading_of
from millrace.adapters.gateway_tally import Tally
from millrace.adapters.prices import PriceList
from millrace.datasets.canonical import sha256_json
from millrace.ports import ChatFailure, ChatOutcome, ChatRequest, ItemT, RequestJournal, ResultT

_WORKERS_PER_CALL = 2  # the next request is ready when a call ends, while the one before is being journalled

_MOST_VALIDATORS = 64


class Gateway:
    """Implements ``AwaitableChatModel``; safe to share between threads, and meant to be.

    Args:
        connection: shared by all users of one gateway in this process; stays open.
        prices: what calls cost.
        journal: remembers paid replies; without one, each is paid for again.
        redact: takes personal data out of replies and error messages. What is handed on, read as JSON and
            journalled is the redacted text, so that a reply is the same one after a crash.
    """

    def __init__(
        self,
        connection: GatewayConnection,
        prices: PriceList,
        journal: RequestJournal | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._replies = Replies(connection, prices, journal, redact)
        self._validators: dict[str, Validator] = {}

    @property
    def identity(self) -> str:
        """Models and the settings that decide replies; neither address nor key."""
        return self._settings.identity

    def complete(self, requests: Sequence[ChatRequest]) -> list[ChatOutcome]:
        """One outcome per request, in order. Equal requests that are under way together are asked once.

        Raises:
            BadInputError: a request's schema is not a JSON Schema.
            UnavailableError: the journal cannot be written, so that nothing paid would be remembered.
        """
        for request in requests:
            self._validator(request.schema)  # what is no schema is refused before anything is paid
        return self.run_each(requests, self.ask)

    def run_each(self, items: Sequence[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]) -> list[ResultT]:
        """``work`` done for each item in the connection's loop, results in order; it may await ``ask``.

        Items are taken one by one, so that a lazy sequence stays small; the first error ends it all, and is raised.
        """
        return self._connection.run(self._each(items, work))

    async def _each(self, items: Sequence[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]) -> list[ResultT]:
        results: dict[int, ResultT] = {}
        waiting = iter(enumerate(items))

        async def take() -> None:
            for index, item in waiting:
                results[index] = await work(item)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(len(items), _WORKERS_PER_CALL * self._settings.limits.ceiling)):
                    group.create_task(take())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [results[index] for index in range(len(items))]

    async def ask(self, request: ChatRequest) -> ChatOutcome:
        """Ask the models in turn until one gives what is asked for; to be awaited under ``run_each``."""
        validator = self._validator(request.schema)
        tally, models = Tally(), self._settings.models.in_turn(request.tier)
        for model in models:
            result = await self._converse(model, request, validator, tally)
            if isinstance(result, Reading):
                usage = tally.usage(model, succeeded=True)
                return ChatOutcome(usage, result.text, result.value, truncated=tally.truncated)
            failure = result
        return ChatOutcome(tally.usage(models[-1], succeeded=False), failure=failure)

    async def _converse(
        self, model: str, request: ChatRequest, validator: Validator | None, tally: Tally
    ) -> Reading | ChatFailure:
        """Ask one model, again with the fault explained, until it gives what is asked for."""
        messages = request.messages
        for attempt in range(self._settings.max_replies):
            taken = await self._replies.take(Turn(model, messages, request, validator, attempt))
            tally.add(taken)
            if isinstance(taken.result, ChatFailure):
                return taken.result
            reading = reading_of(taken.result, validator)
            if reading.fault is None:
                return reading
            tally.add_fault(reading.fault)
            failure = ChatFailure(reading.fault, reading.complaint, transient=reading.fault == "empty_choice")
            if reading.fault == "refused":
                break
            messages = corrected(messages, reading)
        return failure

    def _validator(self, schema: Mapping[str, Any] | None) -> Validator | None:
        """The validator of a schema; equal schemas share one, as long as there are not too many."""
        if schema is None:
            return None
        key = sha256_json(schema)
        validator = self._validators.get(key)
        if validator is None:
            validator = schema_validator(schema)
            if len(self._validators) >= _MOST_VALIDATORS:
                self._validators = {}
            self._validators[key] = validator
        return validator
