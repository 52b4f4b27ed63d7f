"""Robust spread, its z and p-values, and fences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.outliers import (
    robust_spread,
    robust_z_bound,
    robust_z_p_value,
    tail_degrees,
    tukey_fences,
)

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@settings(deadline=None, max_examples=40)
@given(VALUES)
def test_the_scale_is_scipys_where_it_is_not_zero(values: list[float]) -> None:
    expected = stats.median_abs_deviation(values) * 1.4826
    found = robust_spread(values)
    assert found.median == np.median(values)
    if found.source == "mad":
        assert found.scale == pytest.approx(expected)
    else:
        assert expected == 0


@pytest.mark.parametrize(
    ("values", "source", "scale"),
    [
        # |x - 3| = 2 1 0 1 2 -> median 1
        ([1, 2, 3, 4, 5], "mad", 1.4826),
        # five of eight equal, so the deviation is 0; quartiles 0 and 2.25 (position 5.25 between 0 and 9)
        ([0, 0, 0, 0, 0, 9, 9, 9], "iqr", 9 / 1.349),
        # one of ten differs: mean deviation .1 * 5 = .5
        ([0] * 9 + [5], "mean_deviation", 0.5 * 1.2533),
        ([7, 7, 7], "constant", 0.0),
    ],
)
def test_where_the_scale_is_from(values: list[float], source: str, scale: float) -> None:
    if source == "iqr":
        scale = float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.349
    found = robust_spread(values)
    assert (found.source, found.scale) == (source, pytest.approx(scale))


@pytest.mark.parametrize("n", [14, 42])
def test_p_values_of_normal_values_are_right_within_a_third(n: int) -> None:
    random = np.random.default_rng(n)
    rows = random.normal(size=(60_000, n + 1))
    before, new = rows[:, :-1], rows[:, -1]
    medians = np.median(before, axis=1)
    scales = 1.4826 * np.median(np.abs(before - medians[:, None]), axis=1)
    z = np.abs(new - medians) / scales
    for p_value in (0.01, 0.001):
        assert np.mean(z > robust_z_bound(p_value, n)) == pytest.approx(p_value, rel=0.35)


@settings(deadline=None, max_examples=40)
@given(st.floats(1e-6, 0.5), st.integers(5, 100), st.floats(1, 1e6))
def test_the_bound_has_the_p_value(p_value: float, n: int, tails: float) -> None:
    assert robust_z_p_value(robust_z_bound(p_value, n, tails), n, tails) == pytest.approx(p_value, rel=1e-6)


def test_long_tails_are_seen_in_many_series_and_assumed_of_few_values() -> None:
    random = np.random.default_rng(0)
    normal, long = random.normal(size=(60, 42)), random.standard_t(3, size=(60, 42))
    assert tail_degrees(list(normal)) > 12
    assert tail_degrees(list(long * np.arange(1, 61)[:, None])) == pytest.approx(3, rel=0.35)
    assert tail_degrees([normal[0], normal[1]]) == 5
    assert tail_degrees([np.zeros(200)]) == 5
    assert tail_degrees([]) == 5
    assert tail_degrees([np.array([0.1] * 90 + [1e9] * 20)]) == 1


def test_neither_some_series_nor_a_day_make_tails_long() -> None:
    values = np.random.default_rng(0).normal(size=(60, 42))
    values[:10, -7:] += 8  # a sixth of the series moved a week ago
    values[:, 10] -= 8  # one day was out for all
    assert tail_degrees(list(values)) > 5


def test_fences_worked_by_hand() -> None:
    # 1 ... 43: quartiles at positions 10.5 and 31.5, so 11.5 and 32.5; three times 21 outside
    found = tukey_fences(np.arange(1, 44), 3.0)
    assert (found.q1, found.q3) == (11.5, 32.5)
    assert (found.low, found.high) == (pytest.approx(11.5 - 63), pytest.approx(32.5 + 63))


def test_fences_of_few_values_and_of_long_tails_are_wider() -> None:
    values = np.linspace(0, 1, 43)
    few = tukey_fences(np.linspace(0, 1, 14), 3.0)
    # by the quantiles of Student's t with .37 n degrees of freedom at p = .0003
    ratio = stats.t.isf(0.00015, 0.37 * 14) / stats.t.isf(0.00015, 0.37 * 42)
    assert few.high == pytest.approx(0.75 + 3 * ratio * 0.5)
    assert tukey_fences(values, 3.0, tails=3.0).high > tukey_fences(values, 3.0).high


@pytest.mark.parametrize("values", [[], [float("nan")], [[1.0, 2.0]]])
def test_values_that_have_no_spread_are_refused(values: list[float]) -> None:
    with pytest.raises(BadInputError):
        robust_spread(values)
    with pytest.raises(BadInputError):
        tukey_fences(values)


def test_fences_need_a_factor() -> None:
    with pytest.raises(BadInputError):
        tukey_fences([1.0, 2.0], 0.0)
