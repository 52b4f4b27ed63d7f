"""The sign-flip test of pairs, against scipy's exact tests and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.paired import paired_drop

SCORES = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=40)
FEW = 999


def columns(pairs: list[tuple[int, int]]) -> tuple[list[float], list[float]]:
    return [a / 10 for a, _ in pairs], [b / 10 for _, b in pairs]


@pytest.mark.parametrize(("worse", "better"), [(9, 1), (6, 2), (5, 5), (0, 4), (12, 3)])
def test_for_pass_and_fail_it_is_mcnemars_exact_test(worse: int, better: int) -> None:
    before = [1.0] * worse + [0.0] * better + [1.0] * 20 + [0.0] * 5
    after = [0.0] * worse + [1.0] * better + [1.0] * 20 + [0.0] * 5
    exact = stats.binomtest(worse, worse + better, 0.5, alternative="greater").pvalue
    found = paired_drop(before, after, seed=3)
    assert found.n_differing == worse + better
    assert found.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 9_999) + 2e-4)


def test_for_numbers_it_is_scipys_permutation_test_of_all_sign_flips() -> None:
    random = np.random.default_rng(5)
    before = random.beta(5, 1, 12)
    after = np.clip(before - random.normal(0.1, 0.1, 12), 0, 1)
    exact = stats.permutation_test(
        (before - after,), np.sum, permutation_type="samples", alternative="greater", n_resamples=np.inf
    ).pvalue
    assert 0.005 < exact < 0.3
    assert paired_drop(before, after, seed=1).p_value == pytest.approx(exact, abs=0.012)


def test_the_bounds_agree_with_students_where_differences_are_normal() -> None:
    random = np.random.default_rng(11)
    before = np.full(400, 0.8)  # no variance of its own, so that the relative drop is the difference over .8
    after = before - random.normal(0.04, 0.1, 400)
    expected = stats.ttest_1samp(before - after, 0).confidence_interval(0.9)
    low, high = paired_drop(before, after, seed=2).bounds(0.05)
    assert (low, high) == (pytest.approx(expected.low / 0.8, abs=0.001), pytest.approx(expected.high / 0.8, abs=0.001))


def test_a_drop_worked_by_hand() -> None:
    # means 0.6 and 0.45: (0.6 - 0.45) / 0.6 = 0.25
    found = paired_drop([0.4, 0.8], [0.4, 0.5], seed=0)
    assert (found.n, found.n_differing, found.before, found.after) == (2, 1, pytest.approx(0.6), pytest.approx(0.45))
    assert found.drop == pytest.approx(0.25)
    # half of all subsets have the second pair in them, and that is the least p that one differing pair can have
    assert found.p_value == pytest.approx(0.5, abs=0.02)
    assert found.bounds(0.05) == (None, None)  # a quarter of the subsets is empty: nothing is bound at 5 %


def test_equal_sums_are_ties_though_their_floats_differ() -> None:
    # 0.1 + 0.2 - 0.3 is 5.6e-17 in floats: a subset of all three neither rose nor fell
    before, after = [0.5, 0.5, 0.5] * 4, [0.4, 0.3, 0.8] * 4
    found, whole = paired_drop(before, after, seed=7), paired_drop([5, 5, 5] * 4, [4, 3, 8] * 4, seed=7)
    assert found.p_value == whole.p_value


@given(SCORES, st.sampled_from([0.005, 0.01, 0.05]))
@settings(max_examples=60)
def test_the_lower_bound_is_above_nought_exactly_where_the_test_rejects(
    pairs: list[tuple[int, int]], alpha: float
) -> None:
    found = paired_drop(*columns(pairs), seed=4, n_flips=FEW)
    low, high = found.bounds(alpha)
    if found.p_value is None:
        assert (low, high) == (None, None)
        return
    assert (low is not None and low > 0) == (found.p_value <= alpha)
    assert low is None or high is None or low <= high


@given(SCORES)
@settings(max_examples=60)
def test_swapping_before_and_after_turns_a_proven_drop_into_a_proven_rise(pairs: list[tuple[int, int]]) -> None:
    before, after = columns(pairs)
    there, back = paired_drop(before, after, seed=4, n_flips=FEW), paired_drop(after, before, seed=4, n_flips=FEW)
    assert (there.before, there.after) == (back.after, back.before)
    low, high = there.bounds(0.05)[0], back.bounds(0.05)[1]
    if low is not None and high is not None:
        assert (low > 0) == (high < 0)
    if there.p_value is not None and back.p_value is not None:
        assert there.p_value + back.p_value > 1  # not both proven


@given(st.lists(st.integers(0, 20), min_size=8, max_size=30), st.sampled_from([0.01, 0.05]))
@settings(max_examples=30)
def test_the_upper_bound_is_the_lower_bound_of_the_opposite_change(scores: list[int], alpha: float) -> None:
    before, after = np.ones(len(scores)), np.array(scores) / 10
    low, high = paired_drop(before, after, seed=4, n_flips=FEW).bounds(alpha)
    opposite = paired_drop(before, 2 - after, seed=4, n_flips=FEW).bounds(alpha)
    assert opposite == tuple(None if end is None else pytest.approx(-end, abs=2e-9) for end in (high, low))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(max_examples=40)
def test_equal_scores_have_not_dropped(scores: list[float]) -> None:
    found = paired_drop(scores, scores, seed=0, n_flips=FEW)
    if found.drop is None:
        assert found.reason == "zero_mean"
    else:
        assert (found.drop, found.p_value, found.n_differing) == (0.0, 1.0, 0)
        assert all(end in (0.0, None) for end in found.bounds(0.05))


def test_scores_next_to_nought_have_no_relative_drop() -> None:
    assert paired_drop([5e-324] * 20, [0.5] * 20, seed=0).reason == "zero_mean"
    mixed = paired_drop([5e-324] * 19 + [1.0], [0.5] * 20, seed=0, n_flips=FEW)
    assert (mixed.p_value, mixed.bounds(0.05)[0]) == (1.0, None)


def test_nothing_to_compare_is_undefined_and_says_why() -> None:
    none, nought = paired_drop([], [], seed=0), paired_drop([0.0, 0.0], [0.0, 1.0], seed=0)
    assert (none.drop, none.p_value, none.reason, none.before) == (None, None, "no_items", None)
    assert (nought.drop, nought.p_value, nought.reason, nought.after) == (None, None, "zero_mean", 0.5)
    assert nought.bounds(0.05) == (None, None)


@pytest.mark.parametrize(
    ("before", "after", "n_flips"),
    [([1.0], [1.0, 0.5], 999), ([1.0], [float("nan")], 999), ([-0.1], [1.0], 999), ([1.0], [1.0], 50)],
)
def test_what_cannot_be_tested_is_refused(before: list[float], after: list[float], n_flips: int) -> None:
    with pytest.raises(BadInputError):
        paired_drop(before, after, seed=0, n_flips=n_flips)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_an_error_rate_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(BadInputError, match="error rate"):
        paired_drop([1.0], [0.5], seed=0).bounds(alpha)


def test_chunks_of_swaps_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    before, after = random.random(50), random.random(50)
    whole = paired_drop(before, after, seed=9, n_flips=FEW)
    monkeypatch.setattr("millrace.statistics.paired._CELLS", 700)
    parted = paired_drop(before, after, seed=9, n_flips=FEW)
    np.testing.assert_array_equal(whole.lows, parted.lows)


@pytest.mark.parametrize("kind", ["binary", "skewed", "unequal_spread"])
def test_without_a_change_at_most_five_in_a_hundred_are_called_one(kind: str) -> None:
    random = np.random.default_rng(17)
    n_runs, rejected = 1_200, 0
    for number in range(n_runs):
        if kind == "binary":
            before, after = (random.random((2, 30)) < 0.9).astype(float)
        elif kind == "skewed":
            before, after = random.beta(6, 0.7, (2, 30))
        else:  # means are equal, but the two cannot be swapped: the judge became noisier
            before, after = np.full(60, 0.8), 0.2 + 1.5 * random.beta(4, 6, 60)
        p_value = paired_drop(before, after, seed=number, n_flips=199).p_value
        rejected += p_value is not None and p_value <= 0.05
    assert rejected <= stats.binom.ppf(0.999, n_runs, 0.05)
