"""Prediction-powered means against the paper's formula, Wilson's interval, and simulated truth."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.statistics.intervals import wilson_interval
from millrace.statistics.prediction_powered import prediction_powered_mean, score_bounds, weighted_share

Floats = npt.NDArray[np.float64]
SHARE = st.floats(0, 1, allow_subnormal=False)
LABELS = st.lists(st.booleans(), min_size=2, max_size=40)
PAIRS = st.lists(st.tuples(st.booleans(), SHARE), min_size=2, max_size=30)


def test_a_sample_worked_by_hand() -> None:
    # labels 0 0 1 1, predictions 0 0 1 0, others 0 0 1 1: means .5, .25, .5. Covariance (4 - 1) sums to .5: 1/6.
    # Variance of the eight predictions, three of them 1: 15/8 / 7 = 15/56. Tuning 1/6 / (15/56) / (1 + 4/4) = 14/45.
    found = prediction_powered_mean([0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 1, 1])
    assert found.power_tuning == pytest.approx(14 / 45)
    assert found.estimate.mean == pytest.approx(0.5 + 14 / 45 * 0.25)
    assert (found.estimate.n, found.estimate.method, found.reason) == (8, "prediction_powered", None)


@settings(max_examples=60, deadline=None)
@given(PAIRS.filter(lambda pairs: len(pairs) > 2), st.lists(SHARE, min_size=1, max_size=30))
def test_it_is_the_papers_estimate(pairs: list[tuple[bool, float]], others: list[float]) -> None:
    # example 6.1: tuning Cov(Y, f) / ((1 + n/N) Var(f)), with the variance over labelled and others
    labels, predictions = np.array(pairs, dtype=np.float64).T
    found = prediction_powered_mean(labels, predictions, others)
    pooled = np.concatenate([predictions, others])
    if pooled.var() < 1e-6:
        return
    tuning = np.cov(labels, predictions)[0, 1] / ((1 + len(labels) / len(others)) * pooled.var(ddof=1))
    tuning = np.clip(tuning, 0, 1)
    assert found.power_tuning == pytest.approx(tuning, abs=1e-6)
    mean = labels.mean() + tuning * (np.mean(others) - predictions.mean())
    assert found.estimate.mean == pytest.approx(np.clip(mean, 0, 1), abs=1e-6)


def test_a_large_sample_has_the_papers_interval() -> None:
    random = np.random.default_rng(0)
    labels, predictions, others = _drawn(random, 4_000, 40_000, 0.4, distance=2.0)
    found = prediction_powered_mean(labels, predictions, others)
    assert found.power_tuning is not None
    residuals = labels - found.power_tuning * predictions
    error = (residuals.var(ddof=1) / 4_000 + found.power_tuning**2 * others.var(ddof=1) / 40_000) ** 0.5
    assert _width(found.estimate) == pytest.approx(2 * 1.96 * error, rel=0.01)


def test_a_small_sample_has_wilsons_interval_for_as_many_labels_as_it_is_worth() -> None:
    random, z = np.random.default_rng(5), 1.959964
    labels, predictions, others = _drawn(random, 24, 90, 0.4, distance=2.0)
    found = prediction_powered_mean(labels, predictions, others)
    assert found.power_tuning is not None
    assert found.estimate.mean is not None
    residuals = labels - found.power_tuning * predictions
    # z² labels more, half of them 0 and half 1, with the mean prediction; one degree of freedom went to the tuning
    middle = (labels.sum() + z**2 / 2) / (24 + z**2)
    added = 24 * (labels.mean() - middle) ** 2 + z**2 / 2 * (middle**2 + (1 - middle) ** 2)
    squares = ((residuals - residuals.mean()) ** 2).sum() * 23 / 22
    pooled = np.concatenate([predictions, others]).mean()
    variance = (squares + added) / (24 + z**2) / 24 + found.power_tuning**2 * ((others - pooled) ** 2).mean() / 90
    expected = score_bounds(found.estimate.mean, middle * (1 - middle) / variance, z)
    assert (found.estimate.low, found.estimate.high) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(LABELS, st.integers(0, 50), SHARE)
def test_predictions_that_say_nothing_leave_wilsons_interval(labels: list[bool], n_others: int, value: float) -> None:
    found = prediction_powered_mean(labels, [value] * len(labels), [value] * n_others)
    expected = wilson_interval(sum(labels), len(labels))
    shown = (found.estimate.mean, found.estimate.low, found.estimate.high)
    assert shown == pytest.approx((expected.mean, expected.low, expected.high), abs=1e-9)
    assert found.power_tuning is None
    assert found.reason in {"few_labels", "no_others", "constant_predictions"}


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.lists(SHARE, max_size=30), st.randoms(use_true_random=False))
def test_the_interval_holds_the_mean_in_0_to_1_whatever_the_order(
    pairs: list[tuple[bool, float]], others: list[float], random: Any
) -> None:
    labels, predictions = zip(*pairs, strict=True)
    found = prediction_powered_mean(labels, predictions, others)
    each = found.estimate
    assert each.low is not None
    assert each.mean is not None
    assert each.high is not None
    assert 0 <= each.low <= each.mean <= each.high <= 1
    assert each.high - each.low > 0.01
    random.shuffle(pairs)
    random.shuffle(others)
    labels, predictions = zip(*pairs, strict=True)
    assert prediction_powered_mean(labels, predictions, others) == found


@pytest.mark.parametrize("n", [20, 50])
def test_a_judge_that_agrees_with_every_label_is_not_taken_to_be_right_for_ever(n: int) -> None:
    labels = [index % 2 for index in range(n)]
    found = prediction_powered_mean(labels, labels, [0, 1] * 5_000).estimate
    # it may be wrong on up to 3 / n of all, the rule of three
    assert 1 / n < _width(found) < _width(wilson_interval(n // 2, n))


def test_equal_labels_have_a_width() -> None:
    found = prediction_powered_mean([1] * 20, np.linspace(0, 1, 20), np.linspace(0, 1, 100))
    assert found.power_tuning == 0
    assert (found.estimate.low, found.estimate.high) == pytest.approx((wilson_interval(20, 20).low, 1.0))


def test_too_little_is_none_with_a_reason() -> None:
    nothing = prediction_powered_mean([], [], [0.5, 1.0])
    assert (nothing.estimate.mean, nothing.estimate.n, nothing.estimate.reason) == (None, 0, "no_items")
    one = prediction_powered_mean([1], [1.0], [0.5, 1.0])
    assert (one.estimate.mean, one.estimate.low, one.estimate.reason) == (1.0, None, "one_item")
    two = prediction_powered_mean([1, 0], [1.0, 0.0], [0.5, 1.0])
    assert (two.power_tuning, two.reason, two.estimate.mean) == (None, "few_labels", 0.5)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.lists(SHARE, min_size=1, max_size=10), st.floats(0.1, 10))
def test_equal_weights_change_nothing(pairs: list[tuple[bool, float]], others: list[float], weight: float) -> None:
    labels, predictions = zip(*pairs, strict=True)
    weights = [weight] * len(labels)
    plain = prediction_powered_mean(labels, predictions, others)
    weighted = prediction_powered_mean(
        labels, predictions, others, weights=weights, stands_for=(weights, [weight] * len(others))
    )
    assert _numbers(weighted) == pytest.approx(_numbers(plain), abs=1e-6)


def test_a_weighted_share_worked_by_hand() -> None:
    # weights 3, 1, 1, 1: share 3/6; effective number 36 / 12 = 3
    found = weighted_share([1, 0, 0, 0], [3, 1, 1, 1])
    assert (found.mean, found.n, found.method) == (0.5, 4, "weighted_wilson")
    assert (found.low, found.high) == pytest.approx(score_bounds(0.5, 3, 1.959964), abs=1e-6)


def test_with_known_chances_of_being_labelled_the_truth_is_covered() -> None:
    # Bad answers are labelled five times as often: without weights the share is far off.
    random, hits, plain = np.random.default_rng(0), 0, 0
    for _ in range(300):
        good = (random.random(600) < 0.7).astype(np.float64)
        values = _judged(random, good, distance=1.5)
        chance = np.where(values < 0.5, 0.25, 0.05)
        chosen = random.random(600) < chance
        told = (good[chosen], values[chosen], values[~chosen])
        hits += _covers(prediction_powered_mean(*told, weights=1 / chance[chosen]).estimate, 0.7)
        plain += _covers(wilson_interval(int(good[chosen].sum()), int(chosen.sum())), 0.7)
    assert hits >= 0.93 * 300
    assert plain < 0.8 * 300


def test_items_that_stand_for_more_count_for_more() -> None:
    # Three of four others stand for one, the fourth for five: mean prediction of all (1.5 + 0 * 3 + 5) / (3 + 8).
    found = prediction_powered_mean(
        [0, 1, 1], [0.0, 0.5, 1.0], [0.0, 0.0, 0.0, 1.0], stands_for=([1, 1, 1], [1, 1, 1, 5])
    )
    assert found.power_tuning is not None
    slope = found.power_tuning / (8 / 11)
    assert found.estimate.mean == pytest.approx(2 / 3 + slope * (6.5 / 11 - 0.5))


@pytest.mark.parametrize(
    ("n", "n_others", "share", "distance"),
    [(20, 400, 0.1, 2.0), (20, 80, 0.5, 3.0), (30, 300, 0.9, 2.0), (50, 1_000, 0.3, 3.0), (50, 100, 0.05, 2.0)],
)
def test_an_informative_judge_covers_and_is_narrower_than_people(
    n: int, n_others: int, share: float, distance: float
) -> None:
    coverage, width, people = _simulated(n, n_others, share, distance)
    assert coverage >= 0.93
    assert width < 0.95 * people


@pytest.mark.parametrize(("n", "share"), [(20, 0.1), (20, 0.5), (50, 0.3)])
def test_a_useless_judge_covers_and_is_hardly_wider_than_people(n: int, share: float) -> None:
    coverage, width, people = _simulated(n, 10 * n, share, 0.0)
    assert coverage >= 0.93
    assert width < 1.01 * people


@pytest.mark.parametrize(
    ("labels", "predictions", "others", "weights"),
    [
        ([1, 0], [1.0], [0.5], None),
        ([2, 0], [1.0, 0.0], [0.5], None),
        ([1, 0], [1.0, float("nan")], [0.5], None),
        ([1, 0], [1.0, 0.0], [float("inf")], None),
        ([1, 0], [1.0, 0.0], [0.5], [1.0, 0.0]),
        ([1, 0], [1.0, 0.0], [0.5], [1.0]),
        ([[1, 0]], [1.0, 0.0], [0.5], None),
    ],
)
def test_bad_input_is_refused(labels: Any, predictions: Any, others: Any, weights: Any) -> None:
    with pytest.raises(BadInputError):
        prediction_powered_mean(labels, predictions, others, weights=weights)


def test_a_confidence_outside_0_to_1_is_refused() -> None:
    with pytest.raises(BadInputError):
        prediction_powered_mean([1], [1], [1], confidence=1.0)


def _simulated(n: int, n_others: int, share: float, distance: float) -> tuple[float, float, float]:
    """Coverage, mean width, and mean width of people alone."""
    random, n_runs = np.random.default_rng([n, n_others, int(100 * share)]), 500
    drawn = [_drawn(random, n, n_others, share, distance) for _ in range(n_runs)]
    found = [prediction_powered_mean(*each).estimate for each in drawn]
    people = [wilson_interval(int(labels.sum()), n) for labels, _, _ in drawn]
    coverage = sum(_covers(each, share) for each in found) / n_runs
    return coverage, float(np.mean([_width(each) for each in found])), float(np.mean([_width(each) for each in people]))


def _drawn(
    random: np.random.Generator, n: int, n_others: int, share: float, distance: float
) -> tuple[Floats, Floats, Floats]:
    good = (random.random(n + n_others) < share).astype(np.float64)
    values = _judged(random, good, distance)
    return good[:n], values[:n], values[n:]


def _judged(random: np.random.Generator, good: Floats, distance: float) -> Floats:
    """Scores in (0, 1) whose logits lie ``distance`` standard deviations apart."""
    values: Floats = 1 / (1 + np.exp(-distance * (good - 0.5) - random.normal(size=len(good))))
    return values


def _covers(estimate: Any, truth: float) -> bool:
    return bool(estimate.low <= truth <= estimate.high)


def _width(estimate: Any) -> float:
    return float(estimate.high - estimate.low)


def _numbers(found: Any) -> list[float]:
    each = found.estimate
    return [each.mean, each.low, each.high, -1.0 if found.power_tuning is None else found.power_tuning]
