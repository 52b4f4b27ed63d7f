"""A chat model on a played gateway, as a block would open it, with patience for tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from millrace.adapters.gateway import Gateway
from millrace.adapters.gateway_calls import GatewayConnection
from millrace.adapters.gateway_settings import ConcurrencyLimits, GatewayModels, GatewayPatience, GatewaySettings
from millrace.adapters.prices import ModelPrice, PriceList, PriceTable
from millrace.ports import ChatMessage, ChatOutcome, ChatRequest, RequestJournal
from tests.support.gateway import KEY, PlayedGateway

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
PRICES = PriceTable(
    models={
        "main": ModelPrice(input_usd=Decimal("2.50"), output_usd=Decimal("10"), cached_input_usd=Decimal("1.25")),
        "second": ModelPrice(input_usd=Decimal("0.15"), output_usd=Decimal("0.60")),
    }
)
QUICK: dict[str, Any] = {"connect_s": 1.0, "total_s": 2.0, "rate_limit_s": 5.0, "backoff_s": 0.001}


def settings(url: str, patience: dict[str, Any] | None = None, **changes: Any) -> GatewaySettings:
    given = {
        "models": GatewayModels(main="main"),
        "limits": ConcurrencyLimits(start=8, ceiling=8),
        "patience": GatewayPatience(**QUICK | (patience or {})),
    }
    return GatewaySettings(base_url=url, **given | changes)


@contextmanager
def opened(
    url: str,
    *,
    journal: RequestJournal | None = None,
    redact: Callable[[str], str] = str,
    prices: PriceTable = PRICES,
    key: str = KEY,
    **changes: Any,
) -> Iterator[Gateway]:
    """A model over a connection of its own, closed at the end."""
    connection = GatewayConnection(settings(url, **changes), SecretStr(key))
    try:
        yield Gateway(connection, PriceList(prices, T0), journal, redact)
    finally:
        connection.close()


def ask(question: str, **fields: Any) -> ChatRequest:
    return ChatRequest((ChatMessage("user", question),), purpose="test", **fields)


def one(gateway: PlayedGateway, request: ChatRequest, **changes: Any) -> ChatOutcome:
    """The outcome of a single request."""
    with opened(gateway.url, **changes) as model:
        return model.complete([request])[0]
