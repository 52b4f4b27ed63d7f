"""What calls cost: the user's own table, then the price list of genai-prices, which lies in its package."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from millrace.adapters.gateway_answer import Tokens
from millrace.records.rules import read_record

_MILLION = Decimal(1_000_000)

Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelPrice(_Table):
    """Prices of one model, in US dollars for a million tokens."""

    input_usd: Usd
    output_usd: Usd
    cached_input_usd: Usd | None = Field(None, description="Input tokens from the gateway's cache; default: input_usd")

    def of(self, tokens: Tokens) -> Decimal:
        """What these tokens cost, in US dollars; exact."""
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        n_fresh = tokens.n_input - tokens.n_cached
        parts = n_fresh * self.input_usd + tokens.n_cached * cached_usd + tokens.n_output * self.output_usd
        return parts / _MILLION


class PriceTable(_Table):
    """The user's own prices, by the model's name as it stands in the settings."""

    models: dict[str, ModelPrice] = {}


@dataclass(frozen=True)
class Cost:
    """US dollars; None with the reason why they are not known."""

    usd: Decimal | None
    reason: str | None = None


class PriceList:
    """Prices as of one day.

    Args:
        own: prices that go before the public list.
        as_of: the day whose public prices count.
        base_url: tells the provider, where it is a public one.
    """

    def __init__(self, own: PriceTable, as_of: datetime, base_url: str | None = None) -> None:
        self._own = own
        self._as_of = as_of
        self._base_url = base_url

    @classmethod
    def read(cls, path: Path, as_of: datetime, base_url: str | None = None) -> "PriceList":
        """The list with the user's table from a YAML file.

        Raises:
            BadInputError: not such a table; the message names file and field.
        """
        return cls(read_record(path, PriceTable), as_of, base_url)

    def cost(self, names: Sequence[str], tokens: Tokens | None) -> Cost:
        """What a call cost by its model's names: as it was asked for, and as the gateway called it."""
        if tokens is None:
            return Cost(None, "the gateway told no usage")
        for name in names:
            usd = self._own_price(name, tokens)
            if usd is None:
                usd = self._listed_price(name, tokens)
            if usd is not None:
                return Cost(usd)
        return Cost(None, f"no price known for {names[0]}; add it to configs/prices.yaml")

    def _own_price(self, name: str, tokens: Tokens) -> Decimal | None:
        price = self._own.models.get(name)
        return None if price is None else price.of(tokens)

    def _listed_price(self, name: str, tokens: Tokens) -> Decimal | None:
        from genai_prices import Usage, calc_price  # some megabytes of prices

        usage = Usage(input_tokens=tokens.n_input, cache_read_tokens=tokens.n_cached, output_tokens=tokens.n_output)
        for url in dict.fromkeys((self._base_url, None)):
            try:
                return calc_price(usage, name, provider_api_url=url, genai_request_timestamp=self._as_of).total_price
            except LookupError:
                continue
        return None
