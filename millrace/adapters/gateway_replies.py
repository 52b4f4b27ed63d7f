"""Where a reply comes from: whoever asks the same just now, the journal, or the gateway for money."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from jsonschema.protocols import Validator

from millrace.adapters.gateway_answer import Answer
from millrace.adapters.gateway_calls import GatewayConnection, Tries
from millrace.adapters.gateway_journal import JournalQueue, request_key
from millrace.adapters.gateway_output import Reading, read_reply
from millrace.adapters.gateway_tally import Taken
from millrace.adapters.prices import PriceList
from millrace.ports import ChatFailure, ChatFailureReason, ChatMessage, ChatReply, ChatRequest, RequestJournal

_PAID_PER_CALL = 2  # replies not yet durable, for each call that may be under way: a crash loses no more than these

_WITHOUT_TEXT: dict[ChatFailureReason, str] = {
    "empty_choice": "the reply was empty",
    "refused": "the model refused to reply",
}


@dataclass(frozen=True)
class Turn:
    """A request as it is put to one model: with the conversation so far, and how many replies came before."""

    model: str
    messages: tuple[ChatMessage, ...]
    request: ChatRequest
    validator: Validator | None
    attempt: int


class Replies:
    """Takes each reply from the cheapest place; to be used in the connection's event loop."""

    def __init__(
        self,
        connection: GatewayConnection,
        prices: PriceList,
        journal: RequestJournal | None,
        redact: Callable[[str], str],
    ) -> None:
        self._connection = connection
        self._prices = prices
        self._journal = JournalQueue(journal) if journal is not None else None
        self._redact = redact
        self._under_way: dict[str, asyncio.Future[Taken]] = {}
        self._paying = asyncio.Semaphore(_PAID_PER_CALL * connection.settings.limits.ceiling)

    async def take(self, turn: Turn) -> Taken:
        """The reply to a turn, durable in the journal where there is one; or why there is none."""
        key = request_key(self._connection.settings, turn.model, turn.messages, turn.request, turn.attempt)
        while (other := self._under_way.get(key)) is not None:
            await asyncio.wait([other])
            if not other.cancelled():
                return replace(other.result(), remembered=True)
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            known = await self._journal.get(key) if self._journal else None
            if known is None:
                async with self._paying:
                    taken = await self._pay(key, turn)
            else:
                taken = Taken(known, known.retried_for, known.duration_ms, remembered=True)
            future.set_result(taken)
        finally:
            future.cancel()  # does nothing to one that has its result
            del self._under_way[key]
        return taken

    async def _pay(self, key: str, turn: Turn) -> Taken:
        tries = Tries()
        result = await self._connection.call(turn.model, turn.messages, turn.request, tries)
        if isinstance(result, ChatFailure):
            failure = replace(result, message=self._redact(result.message))
            return Taken(failure, tuple(tries.faults), tries.duration_ms)
        reply = self._reply(result, tries, turn)
        kept = await self._journal.put(key, reply) if self._journal else reply
        return Taken(kept, kept.retried_for, kept.duration_ms)

    def _reply(self, answer: Answer, tries: Tries, turn: Turn) -> ChatReply:
        said = None if answer.refusal is not None or answer.text is None else self._redact(answer.text)
        tokens = answer.tokens
        cost = self._prices.cost([turn.model, *([answer.model] if answer.model else [])], tokens)
        reply = ChatReply(
            model=turn.model,
            text=said,
            fault="refused" if answer.refusal is not None else None,
            truncated=answer.truncated,
            retried_for=tuple(tries.faults),
            duration_ms=tries.duration_ms,
            input_tokens=tokens.n_input if tokens else None,
            output_tokens=tokens.n_output if tokens else None,
            cost_usd=None if cost.usd is None else float(cost.usd),
            cost_reason=cost.reason,
        )
        return replace(reply, fault=reading_of(reply, turn.validator).fault)


def reading_of(reply: ChatReply, validator: Validator | None) -> Reading:
    """What a reply says, whether it is new or remembered."""
    if reply.text is None:
        fault = reply.fault or "empty_choice"
        return Reading(fault=fault, complaint=_WITHOUT_TEXT.get(fault, fault))
    return read_reply(reply.text, validator)
