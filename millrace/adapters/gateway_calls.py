"""One call of one model with all its tries: limits obeyed, what may heal tried again, output modes found out."""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import SecretStr

from millrace.adapters.background_loop import BackgroundLoop
from millrace.adapters.gateway_answer import Answer
from millrace.adapters.gateway_http import HttpGateway, Problem
from millrace.adapters.gateway_limiter import AdaptiveLimit, Gate
from millrace.adapters.gateway_outage import Outage
from millrace.adapters.gateway_output import OUTPUT_MODES, instructed, output_fields
from millrace.adapters.gateway_settings import GatewaySettings
from millrace.datasets.canonical import sha256_json
from millrace.ports import ChatFailure, ChatFailureReason, ChatMessage, ChatRequest

T = TypeVar("T")

_LONGEST_BACKOFF_S = 8.0
_MODE_REFUSED = frozenset({400, 404, 415, 422, 501})  # how gateways refuse a response format that they don't know


@dataclass
class Tries:
    """The tries of one call: why each that was no use was so, and their time at the gateway, waiting left out."""

    faults: list[ChatFailureReason] = field(default_factory=list)
    duration_ms: float = 0.0


class GatewayConnection:
    """A gateway's client, limiter and state, in an event loop of their own; one per process and gateway.

    Threads share it: the limits are those of the gateway, not of a thread.
    """

    def __init__(self, settings: GatewaySettings, key: SecretStr) -> None:
        self.settings = settings
        self.limit = AdaptiveLimit(settings.limits)
        self._loop = BackgroundLoop("millrace-gateway")
        self._http = HttpGateway(settings, key)
        self._gate = Gate(self.limit, self._loop.time)
        self._outage = Outage(settings.patience.rate_limit_s)
        self._modes: dict[tuple[str, str], int] = {}
        self._jitter = random.Random(0)  # noqa: S311 - spreads retries; decides no value

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, computed in the connection's loop; for threads outside it."""
        return self._loop.run(work)

    def time(self) -> float:
        """Seconds of the loop's clock."""
        return self._loop.time()

    def close(self) -> None:
        """Cancel what is under way and close the connections; a second call does nothing."""
        if not self._loop.closed:
            self._loop.run(self._http.close())
            self._loop.close()

    async def call(
        self, model: str, messages: tuple[ChatMessage, ...], request: ChatRequest, tries: Tries
    ) -> Answer | ChatFailure:
        """Ask until there is an answer, or a failure that will not heal, or patience ends.

        Args:
            tries: each try is added to it.
        """
        if request.schema is None:
            result = await self._try_on(self._body(model, messages, request), tries)
        else:
            result = await self._in_modes(model, messages, request, request.schema, tries)
        return result if isinstance(result, Answer) else result.failure

    async def _in_modes(
        self,
        model: str,
        messages: tuple[ChatMessage, ...],
        request: ChatRequest,
        schema: Mapping[str, Any],
        tries: Tries,
    ) -> Answer | Problem:
        """Ask for JSON in the strictest way that this model takes for this schema."""
        known = (model, sha256_json(schema))
        for number in range(self._modes.get(known, 0), len(OUTPUT_MODES)):
            mode = OUTPUT_MODES[number]
            body = self._body(model, instructed(messages, mode, schema), request) | output_fields(mode, schema)
            result = await self._try_on(body, tries)
            if isinstance(result, Answer):
                self._modes[known] = number
                break
            if result.status not in _MODE_REFUSED:
                break
        return result

    async def _try_on(self, body: Mapping[str, Any], tries: Tries) -> Answer | Problem:
        """The call, tried again while that may help."""
        patience = self.settings.patience
        n_tries, limited_since = 0, None
        while True:
            result = await self._try(body, tries)
            if isinstance(result, Answer):
                return result
            reason = result.failure.reason
            tries.faults.append(reason)
            if reason == "rate_limited":
                limited_since = limited_since or self.time()
                done = self.time() - limited_since >= patience.rate_limit_s
            else:
                n_tries += 1
                done = n_tries >= patience.max_tries
            if done or result.final or not result.failure.transient:
                return result
            if not result.paused:
                await asyncio.sleep(self._backoff_s(len(tries.faults)))

    async def _try(self, body: Mapping[str, Any], tries: Tries) -> Answer | Problem:
        if self._outage.forbids(self.time()):
            return _DOWN
        patience_s = self.settings.patience.rate_limit_s
        started = await self._gate.enter(longest_pause_s=patience_s)
        if started is None:
            message = f"the gateway's rate limit asks for a pause of more than {patience_s:g} s"
            return Problem(ChatFailure("rate_limited", message, True), final=True)
        try:
            result, rates = await self._http.ask(body)
            self.limit.told(rates, self.time())
            self._learn(result, started)
        finally:
            self._gate.leave()
            tries.duration_ms += (self.time() - started) * 1000
        return result

    def _learn(self, result: Answer | Problem, started: float) -> None:
        if isinstance(result, Answer):
            self.limit.succeeded()
        elif result.overload:
            self.limit.overloaded(started, self.time())
        if isinstance(result, Problem) and result.failure.reason in ("timeout", "connection", "server_error"):
            self._outage.failed(self.time())
        else:
            self._outage.succeeded()

    def _backoff_s(self, n_tries: int) -> float:
        longest = min(_LONGEST_BACKOFF_S, self.settings.patience.backoff_s * 2.0 ** (n_tries - 1))
        return longest * self._jitter.uniform(0.5, 1)

    def _body(self, model: str, messages: tuple[ChatMessage, ...], request: ChatRequest) -> dict[str, Any]:
        settings = self.settings
        optional = {"temperature": settings.temperature, "seed": settings.seed}
        return {
            "model": model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            settings.output_limit_field: request.max_output_tokens,
        } | {name: value for name, value in optional.items() if value is not None}


_DOWN = Problem(
    ChatFailure("connection", "the gateway has failed every call for some time, so it was not asked", True), final=True
)
