from typing import Any

import pytest
from pydantic import ValidationError

from millrace.adapters.gateway_settings import ConcurrencyLimits, GatewayModels, GatewaySettings

MODELS = GatewayModels(main="main")


@pytest.mark.parametrize(
    "url", ["", "gateway.example/v1", "ftp://gateway.example", "https://", "https://user:secret@gateway.example/v1"]
)
def test_an_address_is_http_without_a_password(url: str) -> None:
    with pytest.raises(ValidationError):
        GatewaySettings(base_url=url, models=MODELS)


def test_a_slash_at_the_end_of_an_address_says_nothing() -> None:
    assert GatewaySettings(base_url="https://gateway.example/v1/", models=MODELS).base_url.endswith("/v1")


@pytest.mark.parametrize("bounds", [(4, 2, 8), (1, 9, 8), (0, 1, 1)])
def test_floor_start_and_ceiling_stand_in_this_order(bounds: tuple[int, int, int]) -> None:
    floor, start, ceiling = bounds
    with pytest.raises(ValidationError):
        ConcurrencyLimits(floor=floor, start=start, ceiling=ceiling)


@pytest.mark.parametrize(
    ("models", "main", "cheap"),
    [
        ({"main": "a"}, ["a"], ["a"]),
        ({"main": "a", "cheap": "b"}, ["a"], ["b"]),
        ({"main": "a", "fallback": "c"}, ["a", "c"], ["a", "c"]),
        ({"main": "a", "cheap": "b", "fallback": "a"}, ["a"], ["b", "a"]),
    ],
)
def test_models_are_asked_in_turn_and_none_twice(models: dict[str, str], main: list[str], cheap: list[str]) -> None:
    chosen = GatewayModels(**models)
    assert (chosen.in_turn("main"), chosen.in_turn("cheap")) == (main, cheap)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"base_url": "https://other.example/v1"}, True),
        ({"limits": ConcurrencyLimits(start=1, ceiling=2)}, True),
        ({"output_limit_field": "max_completion_tokens"}, True),
        ({"models": GatewayModels(main="other")}, False),
        ({"models": GatewayModels(main="main", fallback="other")}, False),
        ({"temperature": 0.5}, False),
        ({"seed": 1}, False),
    ],
)
def test_the_identity_changes_with_what_decides_replies_alone(changes: dict[str, Any], same: bool) -> None:
    one = GatewaySettings(base_url="https://gateway.example/v1", models=MODELS)
    other = GatewaySettings(**{"base_url": one.base_url, "models": MODELS} | changes)
    assert (one.identity == other.identity) is same


def test_settings_that_were_stored_and_read_again_have_the_same_identity() -> None:
    one = GatewaySettings(base_url="https://gateway.example/v1", models=MODELS)
    assert GatewaySettings.model_validate_json(one.model_dump_json()).identity == one.identity
    whole_number = GatewaySettings(base_url=one.base_url, models=MODELS, temperature=0)
    assert whole_number.identity == one.identity
