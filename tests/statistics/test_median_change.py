"""The relative change of a median, and its bootstrap without resamples."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.statistics.median_change import relative_median_change


@pytest.mark.parametrize(("after", "confidence"), [([1, 2, 4, 9], 0.62), ([1, 2, 4, 9, 20], 0.5)])
def test_it_is_the_bootstrap_of_all_samples_there_are(after: list[float], confidence: float) -> None:
    medians = [np.median(sample) for sample in product(after, repeat=len(after))]
    expected = np.quantile(medians, [(1 - confidence) / 2, (1 + confidence) / 2]) - 1
    found = relative_median_change([1.0], after, seed=0, confidence=confidence)
    assert (found.low, found.high) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


@pytest.mark.parametrize(("n_before", "n_after"), [(41, 31), (40, 30), (1, 2)])
def test_it_is_the_bootstrap_that_draws_samples(n_before: int, n_after: int) -> None:
    random = np.random.default_rng(0)
    before, after = random.gamma(4.0, size=n_before), random.gamma(3.0, size=n_after)
    medians = [np.median(random.choice(values, (20_000, len(values))), axis=1) for values in (before, after)]
    expected = np.quantile(medians[1] / medians[0] - 1, [0.025, 0.975])
    found = relative_median_change(before, after, seed=1)
    assert found.mean == pytest.approx(np.median(after) / np.median(before) - 1)
    assert (found.low, found.high) == (pytest.approx(expected[0], abs=0.03), pytest.approx(expected[1], abs=0.03))


def test_the_interval_holds_the_true_change_as_often_as_it_says() -> None:
    random, n_inside = np.random.default_rng(2), 0
    for seed in range(300):
        before, after = random.normal(10, 1, size=300), random.normal(9, 1, size=100)
        found = relative_median_change(before, after, seed=seed, n_resamples=1_000)
        n_inside += found.low <= -0.1 <= found.high
    assert 0.92 <= n_inside / 300 <= 0.98


def test_below_zero_a_fall_is_a_fall() -> None:
    found = relative_median_change([-1.0] * 5, [-2.0] * 5, seed=0)
    assert (found.mean, found.low, found.high, found.n) == (-1.0, -1.0, -1.0, 5)


@settings(deadline=None, max_examples=20)
@given(st.permutations(list(range(1, 12))))
def test_the_order_of_values_changes_no_digit(values: list[int]) -> None:
    assert relative_median_change(values, [3, 1, 2], seed=0) == relative_median_change(
        sorted(values), [1, 2, 3], seed=0
    )


def test_what_has_no_change_says_why() -> None:
    assert relative_median_change([], [1.0], seed=0).reason == "no_items"
    assert relative_median_change([1.0], [], seed=0).reason == "no_items"
    assert relative_median_change([0.0, 0.0], [1.0], seed=0).reason == "undefined"
    unstable = relative_median_change([0.0, 0.0, 1.0, 1.0, 1.0], [2.0], seed=0)
    assert (unstable.mean, unstable.low, unstable.reason) == (1.0, None, "unstable")
    with pytest.raises(BadInputError):
        relative_median_change([float("nan")], [1.0], seed=0)
    with pytest.raises(BadInputError):
        relative_median_change([1.0], [1.0], seed=0, n_resamples=99)
