import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.quantiles import quantile_interval


@pytest.mark.parametrize("quantile", [0.25, 0.5, 0.95])
def test_the_ends_are_those_of_scipys_quantile_test(quantile: float) -> None:
    values = np.random.default_rng(7).exponential(size=300)
    ours = quantile_interval(values, quantile)
    theirs = stats.quantile_test(values, p=quantile).confidence_interval(0.95)
    assert (ours.low, ours.high) == (theirs.low, theirs.high)
    assert ours.mean == float(np.quantile(values, quantile))


def test_the_quantile_is_covered_at_least_as_often_as_promised() -> None:
    random, true = np.random.default_rng(3), float(stats.lognorm.ppf(0.95, 1))
    found = [quantile_interval(random.lognormal(size=200), 0.95) for _ in range(400)]
    assert sum(each.low <= true <= each.high for each in found) >= 0.93 * 400


def test_too_few_values_have_no_interval() -> None:
    assert quantile_interval([], 0.5).reason == "no_items"
    few = quantile_interval([1.0, 2.0, 3.0, 4.0, 5.0], 0.5)
    assert (few.mean, few.low, few.reason) == (3.0, None, "one_item")
    assert quantile_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.5).low == 1.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=6), st.randoms())
def test_the_order_of_values_changes_nothing(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert quantile_interval(values, 0.5) == quantile_interval(shuffled, 0.5)


@pytest.mark.parametrize(("values", "quantile"), [([1.0], 0.0), ([1.0], 1.0), ([float("nan")], 0.5)])
def test_what_has_no_quantile_is_refused(values: list[float], quantile: float) -> None:
    with pytest.raises(BadInputError):
        quantile_interval(values, quantile)
