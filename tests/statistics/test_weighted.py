"""The mean of a stratified sample: by hand, against Student's and a library, and its coverage by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.intervals import student_interval
from millrace.statistics.weighted import stratified_mean

VALUES = st.lists(st.floats(0, 1), min_size=0, max_size=30)


@settings(deadline=None, max_examples=50)
@given(VALUES, st.floats(0.1, 50), st.sampled_from([0.8, 0.95]))
def test_one_stratum_of_equal_weights_is_students(values: list[float], weight: float, confidence: float) -> None:
    found = stratified_mean(values, [weight] * len(values), ["a"] * len(values), confidence=confidence)
    assert found == student_interval(values, confidence=confidence)


def test_items_without_a_value_leave_students_as_it_is() -> None:
    found = stratified_mean([0.2, None, 0.6, None], [3.0] * 4, ["a"] * 4)
    assert found == student_interval([0.2, 0.6])


def test_two_strata_worked_by_hand() -> None:
    # a: values .2, .4, .6 of 30 traces (weight 10), mean .4, s2 .04; b: .9, .7 of 10 (weight 5), mean .8, s2 .02
    # shares 3/4 and 1/4: mean .75 x .4 + .25 x .8 = .5; variance .5625 x .04 / 3 + .0625 x .02 / 2 = .0075 + .000625
    # degrees of freedom .008125 ** 2 / (.0075 ** 2 / 2 + .000625 ** 2 / 1) = 2.315
    found = stratified_mean([0.2, 0.9, 0.4, 0.7, 0.6], [10, 5, 10, 5, 10], ["a", "b", "a", "b", "a"])
    half = stats.t.ppf(0.975, 0.008125**2 / (0.0075**2 / 2 + 0.000625**2)) * 0.008125**0.5
    assert (found.mean, found.n, found.method) == (pytest.approx(0.5), 5, "stratified")
    assert (found.low, found.high) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_two_equal_strata_differ_from_students_by_what_lies_between_them() -> None:
    # a: 0, .2; b: .8, 1; within: s2 = .02 each, variance .25 x .02 / 2 x 2 = .005, 2 degrees of freedom (Welch)
    found = stratified_mean([0.0, 0.2, 0.8, 1.0], [1.0] * 4, ["a", "a", "b", "b"])
    welch = stats.ttest_ind([0.8, 1.0], [-0.2, 0.0], equal_var=False).confidence_interval(0.95)  # of mean b + mean a
    assert found.mean == pytest.approx(0.5)
    assert (found.low, found.high) == (pytest.approx(welch.low / 2), pytest.approx(welch.high / 2))


def test_the_share_that_has_a_value_varies_too() -> None:
    # a: 2 of 4 have a value, b: 2 of 2; all weights 1: mean .5; a adds n x centre^2 x (1 - 2/4) x 4 / 3
    with_gaps = stratified_mean([0.0, 0.2, None, None, 0.8, 1.0], [1.0] * 6, ["a"] * 4 + ["b"] * 2)
    without = stratified_mean([0.0, 0.2, 0.8, 1.0], [1.0] * 4, ["a", "a", "b", "b"])
    centre = -0.4 / 4
    within, membership = 0.0025, 2 * centre**2 * 0.5 * 4 / 3
    freedom = (2 * within + membership) ** 2 / ((within + membership) ** 2 + within**2)
    half = stats.t.ppf(0.975, freedom) * (2 * within + membership) ** 0.5
    assert with_gaps.mean == without.mean
    assert with_gaps.high - with_gaps.mean == pytest.approx(half)


def test_a_stratum_of_one_value_is_counted_with_the_next() -> None:
    merged = stratified_mean([0.1, 0.5, 0.7, 0.9], [1.0] * 4, ["a", "b", "b", "b"])
    assert merged.high - merged.mean == pytest.approx(
        (interval := student_interval([0.1, 0.5, 0.7, 0.9])).high - interval.mean
    )
    last = stratified_mean([0.1, 0.5, 0.7, 0.9], [1.0] * 4, ["z", "b", "b", "b"])
    assert last.high == pytest.approx(merged.high)
    alone = stratified_mean([0.2, 0.4], [1.0, 3.0], ["a", "b"])
    assert alone.mean == pytest.approx(0.35)
    assert alone.low is not None


def test_no_value_and_one_value() -> None:
    assert stratified_mean([], [], []).reason == "no_items"
    assert stratified_mean([None, None], [1.0, 2.0], ["a", "b"]).reason == "no_items"
    one = stratified_mean([None, 0.5], [1.0, 2.0], ["a", "b"])
    assert (one.mean, one.low, one.reason, one.n) == (0.5, None, "one_item", 1)


def test_equal_values_have_no_width() -> None:
    found = stratified_mean([0.5] * 4, [1.0, 1.0, 2.0, 2.0], ["a", "a", "b", "b"])
    assert (found.low, found.mean, found.high) == (0.5, 0.5, 0.5)


def test_the_interval_is_cut_at_what_a_value_can_be() -> None:
    found = stratified_mean([0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 9.0, 9.0], ["a", "a", "b", "b"], lowest=0.0, highest=1.0)
    assert found.high == 1.0


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.none() | st.floats(0, 1), st.sampled_from("abc")), min_size=1, max_size=20).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows))
    )
)
def test_the_order_of_items_changes_no_digit(orders: tuple[list[tuple[float | None, str]], ...]) -> None:
    weight = {"a": 1.0, "b": 2.5, "c": 7.0}
    first, second = (
        stratified_mean([v for v, _ in rows], [weight[s] for _, s in rows], [s for _, s in rows]) for rows in orders
    )
    assert first == second


@pytest.mark.parametrize(
    ("values", "weights", "strata"),
    [([0.1], [1.0, 1.0], ["a"]), ([0.1], [0.0], ["a"]), ([0.1], [float("inf")], ["a"]), ([float("nan")], [1.0], ["a"])],
)
def test_bad_input_is_refused(values: list[float], weights: list[float], strata: list[str]) -> None:
    with pytest.raises(BadInputError):
        stratified_mean(values, weights, strata)


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    # three strata of very different size, mean and share of values; 40 traces of each; the true mean is that of those
    # that would have a value: shares .80, .15, .05 times how often there is one
    random = np.random.default_rng(5)
    share, mean, has = np.array([0.80, 0.15, 0.05]), np.array([0.8, 0.3, 0.5]), np.array([0.9, 0.4, 0.7])
    truth = float((share * has * mean).sum() / (share * has).sum())
    strata = [name for name in "abc" for _ in range(40)]
    weights = [float(each) for each in np.repeat(share * 10_000 / 40, 40)]
    covered = 0
    for _ in range(600):
        drawn = random.beta(4 * np.repeat(mean, 40), 4 * (1 - np.repeat(mean, 40)))
        given_ = random.random(120) < np.repeat(has, 40)
        found = stratified_mean([float(v) if g else None for v, g in zip(drawn, given_, strict=True)], weights, strata)
        covered += found.low <= truth <= found.high
    assert 0.925 < covered / 600 < 0.975  # .95 +- 2.8 standard errors
