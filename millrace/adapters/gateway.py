"""A chat model behind any OpenAI-compatible gateway: many calls at once, each paid for once, none lost."""

import asyncio
from collections.abc import Callable, Sequence

from jsonschema.protocols import Validator

from millrace.adapters.gateway_calls import GatewayConnection
from millrace.adapters.gateway_output import Reading, corrected, schema_validator
from millrace.adapters.gateway_replies import Replies, Turn, reading_of
from millrace.adapters.gateway_tally import Tally
from millrace.adapters.prices import PriceList
from millrace.datasets.canonical import sha256_json
from millrace.ports import ChatFailure, ChatOutcome, ChatRequest, RequestJournal

_WORKERS_PER_CALL = 2  # the next request is ready when a call ends, while the one before is being journalled

Asked = tuple[ChatRequest, Validator | None]


class Gateway:
    """Implements ``ChatModel``; safe to share between threads, and meant to be.

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
        return self._connection.run(self._complete(_with_validators(requests)))

    async def _complete(self, asked: Sequence[Asked]) -> list[ChatOutcome]:
        outcomes: dict[int, ChatOutcome] = {}
        waiting = iter(enumerate(asked))

        async def work() -> None:
            for index, (request, validator) in waiting:
                outcomes[index] = await self._outcome(request, validator)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(len(asked), _WORKERS_PER_CALL * self._settings.limits.ceiling)):
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [outcomes[index] for index in range(len(asked))]

    async def _outcome(self, request: ChatRequest, validator: Validator | None) -> ChatOutcome:
        """Ask the models in turn until one gives what is asked for."""
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


def _with_validators(requests: Sequence[ChatRequest]) -> list[Asked]:
    """Each request with the validator of its schema; equal schemas share one."""
    validators: dict[str, Validator] = {}
    asked: list[Asked] = []
    for request in requests:
        if request.schema is None:
            asked.append((request, None))
            continue
        key = sha256_json(request.schema)
        if key not in validators:
            validators[key] = schema_validator(request.schema)
        asked.append((request, validators[key]))
    return asked
