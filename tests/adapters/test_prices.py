from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from millrace.adapters.gateway_answer import Tokens
from millrace.adapters.prices import Cost, ModelPrice, PriceList, PriceTable
from millrace.errors import BadInputError

T0 = datetime(2026, 1, 5, tzinfo=UTC)
OWN = PriceTable(
    models={
        "ours": ModelPrice(input_usd=Decimal("2.50"), output_usd=Decimal("10"), cached_input_usd=Decimal("1.25")),
        "gpt-4o-mini": ModelPrice(input_usd=Decimal(1), output_usd=Decimal(2)),
    }
)


def prices(own: PriceTable = OWN, base_url: str | None = None) -> PriceList:
    return PriceList(own, T0, base_url)


def test_a_cost_is_tokens_times_price_by_the_million() -> None:
    # 1 000 000 x 2.50 + 200 000 x 10 = 2.50 + 2.00
    assert prices().cost(["ours"], Tokens(1_000_000, 200_000)) == Cost(Decimal("4.50"))


def test_cached_input_has_its_own_price_where_one_is_given() -> None:
    # 600 000 x 2.50 + 400 000 x 1.25 = 1.50 + 0.50; without one of its own, 1 000 000 x 1
    assert prices().cost(["ours"], Tokens(1_000_000, 0, n_cached=400_000)) == Cost(Decimal("2.00"))
    assert prices().cost(["gpt-4o-mini"], Tokens(1_000_000, 0, n_cached=400_000)) == Cost(Decimal("1"))


def test_the_public_list_knows_public_models() -> None:
    # gpt-4o-mini: 0.15 in, 0.075 cached, 0.60 out: 0.5 x 0.15 + 0.5 x 0.075 + 0.60
    cost = prices(PriceTable()).cost(["gpt-4o-mini"], Tokens(1_000_000, 1_000_000, n_cached=500_000))
    assert cost == Cost(Decimal("0.7125"))


def test_the_users_own_table_goes_before_the_public_list() -> None:
    assert prices().cost(["gpt-4o-mini"], Tokens(1_000_000, 1_000_000)) == Cost(Decimal(3))


def test_a_model_behind_an_unknown_address_is_found_by_its_name() -> None:
    found = prices(PriceTable(), "http://127.0.0.1:4000/v1").cost(["gpt-4o-mini"], Tokens(1_000_000, 0))
    assert found == Cost(Decimal("0.15"))


def test_an_alias_is_priced_by_what_the_gateway_says_it_served() -> None:
    assert prices().cost(["our-alias-x7", "ours"], Tokens(1_000_000, 0)) == Cost(Decimal("2.50"))


@pytest.mark.parametrize("base_url", [None, "https://api.openai.com/v1", "http://localhost:1/v1"])
def test_an_unknown_model_has_no_cost_and_the_reason_names_it(base_url: str | None) -> None:
    cost = prices(base_url=base_url).cost(["our-alias-x7"], Tokens(1, 1))
    assert cost.usd is None
    assert "no price known for our-alias-x7" in str(cost.reason)


def test_without_usage_there_is_no_cost() -> None:
    assert prices().cost(["ours"], None) == Cost(None, "the gateway told no usage")


def test_a_table_is_read_to_the_last_digit(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("models:\n  tiny: {input_usd: 0.1, output_usd: 0.30}\n")
    assert PriceList.read(path, T0).cost(["tiny"], Tokens(1_000_000, 1_000_000)) == Cost(Decimal("0.4"))


@pytest.mark.parametrize("price", ["input_usd: -1, output_usd: 1", "input_usd: 1", "input_usd: .nan, output_usd: 1"])
def test_a_price_that_is_none_is_refused_with_file_and_field(tmp_path: Path, price: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(f"models:\n  tiny: {{{price}}}\n")
    with pytest.raises(BadInputError, match=r"prices\.yaml: field 'models\.tiny\."):
        PriceList.read(path, T0)
