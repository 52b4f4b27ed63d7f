"""Changes of level by ranks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.change_point import level_shift


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=16, unique=True), st.integers(2, 4))
def test_one_length_is_the_exact_rank_sum_test(values: list[float], length: int) -> None:
    found = level_shift(values, shortest=length, longest=length)
    expected = stats.mannwhitneyu(values[-length:], values[:-length], method="exact").pvalue
    assert found is not None
    if found.autocorrelation == 0:
        assert found.p_value == pytest.approx(expected)
    else:
        assert found.p_value >= expected - 1e-12


def test_the_least_p_value_there_can_be() -> None:
    # the last 3 of 12 are the largest: one of C(12, 3) = 220 orders, on two sides; 4 lengths: 3, 4, 5, 6.
    # The nine before go up and down, so that neighbours are not alike.
    before = [5, 1, 6, 2, 7, 3, 8, 4, 4.5]
    found = level_shift([*before, 20, 21, 22])
    assert found is not None
    assert found.autocorrelation == 0
    assert (found.start, found.p_value) == (9, pytest.approx(2 / 220 * 4))
    assert (found.before, found.after) == (4.5, 21)


def test_a_value_far_out_counts_no_more_than_one_just_out() -> None:
    values = np.random.default_rng(0).normal(size=40)
    just, far = values.copy(), values.copy()
    just[-1], far[-1] = values.max() + 1, values.max() + 1e9
    assert level_shift(just) == level_shift(far) or level_shift(just).p_value == level_shift(far).p_value


def test_the_start_of_a_clear_shift_is_found() -> None:
    values = np.random.default_rng(1).normal(size=43)
    values[-6:] -= 8
    found = level_shift(values)
    assert found is not None
    assert found.start == 37
    assert found.p_value < 1e-4
    assert found.after < found.before


def test_a_shift_shorter_than_asked_for_is_not_proven() -> None:
    values = np.random.default_rng(2).normal(size=43)
    values[-2:] += 50
    found = level_shift(values)
    assert found is not None
    assert found.p_value > 0.001


def test_runs_of_neighbours_that_are_alike_are_allowed_for() -> None:
    random = np.random.default_rng(3)
    n_allowed, n_bare = 0, 0
    for _ in range(150):
        values = random.normal(size=43)
        for day in range(1, 43):
            values[day] = 0.6 * values[day - 1] + 0.8 * values[day]
        found = level_shift(values, shortest=5, longest=5)
        assert found is not None
        n_allowed += found.p_value <= 0.05
        n_bare += stats.mannwhitneyu(values[-5:], values[:-5], method="asymptotic").pvalue <= 0.05
    assert n_allowed <= 0.14 * 150 < n_bare


def test_ties_make_it_careful() -> None:
    values = [0, 1] * 18 + [0, 0, 1, 1, 1]
    found = level_shift(values)
    assert found is not None
    assert found.p_value > 0.5


@pytest.mark.parametrize("values", [[], [1, 2, 3, 4, 5], [4.0] * 20])
def test_too_few_or_equal_values_have_no_shift(values: list[float]) -> None:
    assert level_shift(values) is None


@pytest.mark.parametrize(
    ("values", "lengths"), [([float("nan")] * 9, (3, 4)), ([1.0] * 9, (4, 3)), ([1.0] * 9, (0, 3))]
)
def test_what_is_no_series_is_refused(values: list[float], lengths: tuple[int, int]) -> None:
    with pytest.raises(BadInputError):
        level_shift(values, shortest=lengths[0], longest=lengths[1])
