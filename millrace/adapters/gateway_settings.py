"""How a gateway is used: its address, models, limits and patience. Keys are never among the settings."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from millrace.datasets.canonical import canonical_json

ModelName = Annotated[str, Field(min_length=1, max_length=256)]


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a base URL looks like https://gateway.example/v1")
    if parts.username or parts.password:
        raise ValueError("no user or password in the base URL: set the key apart")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_address)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GatewayModels(_Settings):
    """Which models a gateway is asked for."""

    main: ModelName = Field(description="Model that writes answers")
    cheap: ModelName | None = Field(None, description="Model for small tasks such as other phrasings; default: main")
    fallback: ModelName | None = Field(None, description="Model asked when the first one failed for good")

    def in_turn(self, tier: Literal["main", "cheap"]) -> list[str]:
        """The models to ask for a request of this tier, one after the other until one succeeds."""
        first = self.cheap if tier == "cheap" and self.cheap else self.main
        return list(dict.fromkeys(model for model in (first, self.fallback) if model))


class ConcurrencyLimits(_Settings):
    """How many calls may be under way; the limiter moves between floor and ceiling by itself."""

    floor: int = Field(1, ge=1, le=1024, description="Never fewer calls at once")
    start: int = Field(8, ge=1, le=1024, description="Calls at once in the beginning")
    ceiling: int = Field(32, ge=1, le=1024, description="Never more calls at once")
    decrease: float = Field(0.5, gt=0, lt=1, description="Factor of the limit when the gateway says it is too much")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.floor <= self.start <= self.ceiling:
            raise ValueError(f"floor {self.floor}, start {self.start}, ceiling {self.ceiling} are not in this order")
        return self


class GatewayPatience(_Settings):
    """How long and how often a gateway is tried before a call counts as failed."""

    connect_s: float = Field(10, gt=0, le=300, description="Longest wait for a connection")
    total_s: float = Field(60, gt=0, le=3600, description="Longest wait for a reply, connecting included")
    rate_limit_s: float = Field(120, ge=0, le=3600, description="Longest wait for a rate limit, or for a gateway down")
    max_tries: int = Field(4, ge=1, le=20, description="Tries of one call that may heal; rate limits don't count")
    backoff_s: float = Field(0.5, ge=0, le=60, description="Wait before the second try; doubled each time, up to 8 s")


class GatewaySettings(_Settings):
    """All that is known of a gateway but its key."""

    base_url: BaseUrl = Field(description="Address of an OpenAI-compatible API, up to /v1")
    models: GatewayModels
    limits: ConcurrencyLimits = ConcurrencyLimits()
    patience: GatewayPatience = GatewayPatience()
    temperature: float | None = Field(0.0, ge=0, le=2, description="None is not sent: some models refuse it")
    seed: int | None = Field(None, description="Sent where given; few gateways promise anything for it")
    max_replies: int = Field(3, ge=1, le=10, description="Replies asked of one model until one fits the schema")
    output_limit_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="Name of the field that limits a reply's length; newer OpenAI models want the second"
    )

    @property
    def identity(self) -> str:
        """Models and whatever else decides replies; neither address nor key nor how patient the caller is."""
        deciding = self.model_dump(include={"models", "temperature", "seed", "max_replies"})
        return "chat-model/1 " + canonical_json(deciding).decode()
