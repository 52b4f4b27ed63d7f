"""Brier score, calibration error and reliability bins, against scikit-learn and by hand."""

import csv
import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from millrace.errors import BadInputError
from millrace.statistics.calibration import brier_score, expected_calibration_error, reliability_bins

CIFAR = Path(__file__).parents[2].parent / "shared" / "data" / "calibration" / "cifar10_probs_half.csv.gz"
PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def split(pairs: list[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [p for p, _ in pairs], [truth for _, truth in pairs]


def test_brier_score_matches_a_sum_worked_by_hand() -> None:
    # (0.9 - 1)^2 + (0.4 - 0)^2 + (0.5 - 1)^2 = 0.01 + 0.16 + 0.25 = 0.42
    assert brier_score([0.9, 0.4, 0.5], [True, False, True]) == pytest.approx(0.14)


def test_calibration_error_matches_bins_worked_by_hand() -> None:
    # two bins: {0.1, 0.3} with share 1/2 and mean 0.2; {0.8, 1.0, 0.9} with share 2/3 and mean 0.9
    probabilities, truth = [0.1, 0.3, 0.8, 1.0, 0.9], [False, True, True, True, False]
    expected = 2 / 5 * 0.3 + 3 / 5 * (0.9 - 2 / 3)
    assert expected_calibration_error(probabilities, truth, n_bins=2, binning="equal_width") == pytest.approx(expected)


@given(PAIRS)
def test_brier_score_is_that_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    probabilities, truth = split(pairs)
    assert brier_score(probabilities, truth) == pytest.approx(brier_score_loss(truth, probabilities))


@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=1, max_size=60))
def test_equal_width_bins_are_those_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    probabilities, truth = split(pairs)
    shares, means = calibration_curve(truth, probabilities, n_bins=10)
    bins = reliability_bins(probabilities, truth, n_bins=10, binning="equal_width")
    assert [each.share for each in bins] == pytest.approx(shares.tolist())
    assert [each.mean_probability for each in bins] == pytest.approx(means.tolist())


@given(PAIRS, st.sampled_from(["equal_width", "equal_count"]))
def test_bins_hold_every_item_once_in_order(pairs: list[tuple[float, bool]], binning: str) -> None:
    probabilities, truth = split(pairs)
    bins = reliability_bins(probabilities, truth, n_bins=5, binning=binning)
    assert sum(each.n for each in bins) == len(pairs)
    assert sum(each.share * each.n for each in bins) == pytest.approx(sum(truth))
    assert all(first.high < second.low for first, second in pairwise(bins))


@given(PAIRS)
def test_calibration_error_is_at_least_the_overall_gap_and_at_most_one(pairs: list[tuple[float, bool]]) -> None:
    probabilities, truth = split(pairs)
    found = expected_calibration_error(probabilities, truth, binning="equal_count")
    gap = abs(float(np.mean(probabilities)) - float(np.mean(truth)))
    assert found is not None
    assert gap - 1e-9 <= found <= 1


def test_equal_counts_differ_by_one_at_most_where_no_two_are_equal() -> None:
    probabilities = np.linspace(0, 1, 23)
    bins = reliability_bins(probabilities, probabilities > 0.5, n_bins=5, binning="equal_count")
    assert sorted(each.n for each in bins) == [4, 4, 5, 5, 5]


def test_no_items_have_no_score() -> None:
    assert brier_score([], []) is None
    assert expected_calibration_error([], [], binning="equal_width") is None


@pytest.mark.parametrize(
    ("probabilities", "truth", "message"),
    [
        ([0.5], [True, False], "differ in length"),
        ([1.5], [True], "between 0 and 1"),
        ([float("nan")], [True], "between 0 and 1"),
        ([0.5], [2], "true or false"),
    ],
)
def test_bad_input_is_refused(probabilities: list[float], truth: list[bool], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        brier_score(probabilities, truth)


def test_fewer_than_one_bin_is_refused() -> None:
    with pytest.raises(BadInputError, match="at least one bin"):
        reliability_bins([0.5], [True], n_bins=0, binning="equal_count")


@pytest.mark.shared_data
@pytest.mark.skipif(not CIFAR.exists(), reason="needs the class probabilities of CIFAR-10 beside the checkout")
def test_half_of_cifar_10_is_as_far_off_as_all_of_it() -> None:
    """The figure of all 10 000 images is .0398 with 15 bins; half of them differ by chance."""
    with gzip.open(CIFAR, "rt", encoding="utf-8") as stream:
        rows = np.array([[float(value) for value in row] for row in list(csv.reader(stream))[1:]])
    probabilities, labels = rows[:, :-1], rows[:, -1]
    winner = np.minimum(probabilities.max(axis=1), 1.0)
    right = probabilities.argmax(axis=1) == labels
    assert expected_calibration_error(winner, right, n_bins=15, binning="equal_width") == pytest.approx(
        0.0398, abs=0.006
    )
