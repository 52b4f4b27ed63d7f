"""One call over HTTP: a reply, or a typed failure for everything that can go wrong on the way."""

import asyncio
import json
import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI
from pydantic import SecretStr

from millrace.adapters.gateway_answer import Answer, MalformedReplyError, read_answer
from millrace.adapters.gateway_headers import RateLimits, read_rate_limits
from millrace.adapters.gateway_settings import GatewaySettings
from millrace.ports import ChatFailure

_OVERLOADED = frozenset({429, 503, 529})
_MAY_HEAL = frozenset({408, 409, 425, *range(500, 600)} - {501, 505})  # what is not implemented stays so
_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})  # sent as 429, yet no wait heals them
_LONGEST_MESSAGE = 300
_CALLS_A_LANE = 4


@dataclass(frozen=True)
class Problem:
    """A try that brought no reply.

    Attributes:
        overload: the gateway asks for fewer calls at once.
        status: of the HTTP reply, where there was one.
        paused: the gateway said how long to wait, and all calls do.
        final: trying again now is pointless.
    """

    failure: ChatFailure
    overload: bool = False
    status: int | None = None
    paused: bool = False
    final: bool = False


@dataclass
class _Lane:
    """A client for a few of the calls."""

    client: AsyncOpenAI
    n_calls: int = 0


class HttpGateway:
    """AsyncOpenAI without its retries, which are the caller's; to be used in one event loop only.

    Calls are spread over several clients, because httpcore's pool compares all its connections at every call: with
    32 in one pool that took half of the time.
    """

    def __init__(self, settings: GatewaySettings, key: SecretStr) -> None:
        self._total_s = settings.patience.total_s
        self._key = key
        certificates = httpx.create_ssl_context()
        n_lanes = math.ceil(settings.limits.ceiling / _CALLS_A_LANE)
        self._lanes = [_Lane(_client(settings, key, certificates)) for _ in range(n_lanes)]

    async def close(self) -> None:
        for lane in self._lanes:
            await lane.client.close()

    async def ask(self, body: Mapping[str, Any]) -> tuple[Answer | Problem, RateLimits]:
        """Send a chat completion request once; raises nothing but cancellation."""
        lane = min(self._lanes, key=lambda lane: lane.n_calls)
        lane.n_calls += 1
        try:
            async with asyncio.timeout(self._total_s):
                response = await lane.client.post("/chat/completions", cast_to=httpx.Response, body=dict(body))
            return read_answer(response.json()), read_rate_limits(response.headers)
        except APIStatusError as error:
            rates = read_rate_limits(error.response.headers)
            return replace(self._status_problem(error), paused=bool(rates.retry_after_s)), rates
        except Exception as error:
            return self._problem(error), RateLimits()
        finally:
            lane.n_calls -= 1

    def _status_problem(self, error: APIStatusError) -> Problem:
        status, detail = error.status_code, _detail(error)
        if status in (401, 403):  # such replies like to quote the key
            message = f"the gateway refused the key (status {status})"
            return Problem(ChatFailure("refused", message, False), status=status)
        message = self._without_key(f"status {status}: {detail}")
        if status == 429 and error.code not in _NO_MONEY:
            return Problem(ChatFailure("rate_limited", message, True), overload=True, status=status)
        if status in _MAY_HEAL:
            return Problem(ChatFailure("server_error", message, True), status in _OVERLOADED, status)
        return Problem(ChatFailure("refused", message, False), status=status)

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, TimeoutError | APITimeoutError):
            connecting = isinstance(error.__cause__, httpx.ConnectTimeout)
            what = "no connection in time" if connecting else f"no reply within {self._total_s:g} s"
            return Problem(ChatFailure("timeout", what, True), overload=not connecting)
        if isinstance(error, APIConnectionError):
            cause = error.__cause__ or error
            message = self._without_key(f"{type(cause).__name__}: {cause}".removesuffix(": "))
            return Problem(ChatFailure("connection", message, True))
        if isinstance(error, MalformedReplyError | json.JSONDecodeError | UnicodeDecodeError):
            return Problem(ChatFailure("server_error", "the reply is no chat completion in JSON", True))
        # such as text that has no UTF-8: trying again would fail alike
        message = self._without_key(f"the request could not be sent: {type(error).__name__}: {error}")
        return Problem(ChatFailure("refused", message, False))

    def _without_key(self, text: str) -> str:
        return " ".join(text.replace(self._key.get_secret_value(), "***").split())[:_LONGEST_MESSAGE]


def _client(settings: GatewaySettings, key: SecretStr, certificates: ssl.SSLContext) -> AsyncOpenAI:
    patience = settings.patience
    return AsyncOpenAI(
        base_url=settings.base_url,
        api_key=key.get_secret_value(),
        max_retries=0,
        http_client=httpx.AsyncClient(
            base_url=settings.base_url,
            timeout=httpx.Timeout(patience.total_s, connect=patience.connect_s),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=2 * _CALLS_A_LANE),
            follow_redirects=True,
            verify=certificates,
        ),
    )


def _detail(error: APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) else error.message
