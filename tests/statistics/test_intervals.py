"""Wilson's interval, Student's, and the bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.intervals import (
    bootstrap_interval,
    grouped_bootstrap,
    share_difference,
    student_interval,
    wilson_interval,
)


@given(
    st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99])
)
def test_wilson_equals_scipy(counts: tuple[int, int], confidence: float) -> None:
    successes, n = counts
    expected = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    found = wilson_interval(successes, n, confidence=confidence)
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high, abs=1e-12))
    assert found.low <= found.mean <= found.high


def test_wilson_worked_by_hand() -> None:
    # 8 of 10, z = 1.96: centre (.8 + .19208) / 1.38416 = .71674; half sqrt(.016 + .0096040) * 1.96 / 1.38416 = .22658
    found = wilson_interval(8, 10)
    assert (found.low, found.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


def test_wilson_without_trials_is_undefined() -> None:
    assert (wilson_interval(0, 0).mean, wilson_interval(0, 0).reason) == (None, "no_items")


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, -1)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(BadInputError):
        wilson_interval(successes, n)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    # Newcombe (1998), table II, method 10, read as second - first
    [((48, 80), (56, 70), 0.0524, 0.3339), ((3, 10), (9, 10), 0.1705, 0.8090), ((0, 10), (10, 10), 0.6075, 1.0)],
)
def test_difference_of_shares_as_published(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found = share_difference(wilson_interval(*first), wilson_interval(*second))
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    back = share_difference(wilson_interval(*second), wilson_interval(*first))
    assert (back.low, back.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


def test_difference_from_nothing_is_undefined() -> None:
    assert share_difference(wilson_interval(0, 0), wilson_interval(1, 3)).reason == "no_items"
    with pytest.raises(BadInputError):
        share_difference(student_interval([0.1, 0.2]), wilson_interval(1, 3))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=60), st.sampled_from([0.8, 0.95, 0.99]))
def test_student_equals_scipy(values: list[float], confidence: float) -> None:
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(confidence) if np.ptp(values) > 1e-6 else None
    found = student_interval(values, confidence=confidence)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.low <= found.mean <= found.high
    if expected is not None:
        assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_student_worked_by_hand_and_cut_at_what_a_value_can_be() -> None:
    # 0.2, 0.4, 0.6: mean 0.4, s = 0.2, t(0.975, 2) = 4.302653; half = 4.302653 * 0.2 / sqrt(3) = 0.496827
    free, cut = student_interval([0.6, 0.2, 0.4]), student_interval([0.6, 0.2, 0.4], lowest=0.0, highest=0.85)
    assert (free.low, free.high) == (pytest.approx(-0.096827, abs=1e-6), pytest.approx(0.896827, abs=1e-6))
    assert (cut.low, cut.high) == (0.0, 0.85)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30).flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))))
def test_the_order_of_values_changes_no_digit(orders: tuple[list[float], list[float]]) -> None:
    assert student_interval(orders[0]) == student_interval(orders[1])


def test_student_needs_two_values_for_an_interval_and_one_for_a_mean() -> None:
    none, one = student_interval([]), student_interval([0.3])
    assert (none.mean, none.reason) == (None, "no_items")
    assert (one.mean, one.low, one.high, one.reason) == (0.3, None, None, "one_item")
    with pytest.raises(BadInputError):
        student_interval([float("nan")])


def test_bootstrap_of_a_mean_is_near_the_normal_interval() -> None:
    values = np.random.default_rng(1).normal(size=400)
    half = 1.96 * values.std() / 20  # standard error: s / sqrt(400)
    found = bootstrap_interval(values, lambda v: float(v.mean()), seed=0)
    assert found.mean == values.mean()
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_groups_of_one_item_are_the_plain_bootstrap() -> None:
    values = np.arange(12.0)
    names = [f"{i:02d}" for i in range(12)]
    plain = bootstrap_interval(values, lambda v: float(v.mean()), seed=3, n_resamples=200)
    grouped = grouped_bootstrap(names, lambda rows: float(values[rows].mean()), seed=3, n_resamples=200)
    assert (plain.low, plain.high) == (grouped.low, grouped.high)


def test_copies_of_an_item_make_no_interval_narrower() -> None:
    values = np.random.default_rng(2).normal(size=40)
    copied = np.repeat(values, 10)
    once = grouped_bootstrap([str(i) for i in range(40)], lambda rows: float(values[rows].mean()), seed=0)
    copies = grouped_bootstrap([str(i // 10) for i in range(400)], lambda rows: float(copied[rows].mean()), seed=0)
    assert copies.high - copies.low == pytest.approx(once.high - once.low)


def test_the_same_seed_gives_the_same_interval_and_another_gives_another() -> None:
    values = np.arange(30.0)
    first, again, other = (bootstrap_interval(values, lambda v: float(v.mean()), seed=s) for s in (7, 7, 8))
    assert first == again
    assert first != other


def test_an_undefined_statistic_has_a_reason() -> None:
    assert bootstrap_interval([], lambda v: 0.0, seed=0).reason == "no_items"
    assert bootstrap_interval([1.0], lambda v: None, seed=0).reason == "undefined"
    # Two groups: half of the resamples hold only one of them.
    unstable = grouped_bootstrap(["a", "b"], lambda rows: 1.0 if len(set(rows.tolist())) == 2 else None, seed=0)
    assert (unstable.mean, unstable.low, unstable.reason) == (1.0, None, "unstable")


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadInputError):
        bootstrap_interval([1.0], lambda v: 0.0, seed=0, n_resamples=10)
    with pytest.raises(BadInputError):
        bootstrap_interval([1.0], lambda v: 0.0, seed=0, confidence=1.0)
    with pytest.raises(BadInputError):
        bootstrap_interval([float("nan")], lambda v: 0.0, seed=0)
