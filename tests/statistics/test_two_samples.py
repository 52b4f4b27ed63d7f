"""Principal components, maximum mean discrepancy and domain classifier."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from millrace.errors import BadInputError
from millrace.statistics.domain_classifier import TOO_FEW, Separation, tell_apart
from millrace.statistics.mean_discrepancy import maximum_mean_discrepancy
from millrace.statistics.principal_components import principal_components

RANDOM = np.random.default_rng(0)
FIRST, SAME = RANDOM.normal(size=(60, 8)), RANDOM.normal(size=(40, 8))
MOVED = RANDOM.normal(size=(40, 8)) + 1.0


def test_components_are_sklearns_up_to_sign() -> None:
    rows = np.concatenate([FIRST, MOVED])
    found, expected = principal_components(rows, 3), PCA(3).fit(rows)
    assert np.abs(found.coordinates) == pytest.approx(np.abs(expected.transform(rows)), abs=1e-5)
    assert found.explained(2) == pytest.approx(expected.explained_variance_ratio_[:2].sum())


def test_the_sign_of_an_axis_does_not_depend_on_the_order_of_rows() -> None:
    turned = principal_components(FIRST[::-1], 2).coordinates[::-1]
    assert turned == pytest.approx(principal_components(FIRST, 2).coordinates, abs=2e-6)


def test_equal_rows_have_no_variance() -> None:
    found = principal_components(np.ones((5, 3)), 2)
    assert found.explained(2) is None
    assert not found.coordinates.any()
    with pytest.raises(BadInputError):
        principal_components(np.zeros((0, 3)), 2)


def _by_loops(first: np.ndarray, second: np.ndarray) -> float:
    distances = squareform(pdist(np.concatenate([first, second])))
    kernel = np.exp(-(distances**2) / (2 * np.median(pdist(np.concatenate([first, second]))) ** 2))
    n, m = len(first), len(second)
    xx = sum(kernel[i, j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(kernel[n + i, n + j] for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return float(xx + yy - 2 * kernel[:n, n:].mean())


@pytest.mark.parametrize("second", [SAME, MOVED])
def test_the_discrepancy_is_that_of_its_definition(second: np.ndarray) -> None:
    found = maximum_mean_discrepancy(FIRST, second, seed=0)
    assert found.squared == pytest.approx(_by_loops(FIRST, second), abs=1e-6)


def test_what_moved_is_proven_and_what_is_the_same_is_not() -> None:
    assert maximum_mean_discrepancy(FIRST, MOVED, seed=0).p_value == 1 / 1000
    assert maximum_mean_discrepancy(FIRST, SAME, seed=0).p_value > 0.05


def test_p_values_of_equal_distributions_are_uniform() -> None:
    random = np.random.default_rng(1)
    p_values = [
        maximum_mean_discrepancy(
            random.normal(size=(12, 3)), random.normal(size=(9, 3)), seed=seed, n_permutations=99
        ).p_value
        for seed in range(200)
    ]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) == pytest.approx(
            level, abs=3.5 * np.sqrt(level * (1 - level) / 300)
        )


def test_rows_that_are_all_equal_do_not_differ() -> None:
    found = maximum_mean_discrepancy(np.ones((5, 3)), np.ones((4, 3)), seed=0)
    assert (found.squared, found.p_value, found.bandwidth) == (0.0, 1.0, 0.0)


def test_numbers_do_not_depend_on_threads() -> None:
    # sets the number of threads that the functions inherit; they take one of their own accord
    with threadpool_limits(1):
        one = (maximum_mean_discrepancy(FIRST, MOVED, seed=0), tell_apart(FIRST, MOVED, seed=0).auc)
    with threadpool_limits(2):
        two = (maximum_mean_discrepancy(FIRST, MOVED, seed=0), tell_apart(FIRST, MOVED, seed=0).auc)
    assert one == two


@pytest.mark.parametrize("second", [np.ones((1, 8)), np.ones((4, 7)), np.full((4, 8), np.nan)])
def test_what_cannot_be_compared_is_refused(second: np.ndarray) -> None:
    with pytest.raises(BadInputError):
        maximum_mean_discrepancy(FIRST, second, seed=0)


def _known(found: Separation) -> tuple[float, float, float]:
    assert found.auc is not None
    assert found.low is not None
    assert found.high is not None
    return found.auc, found.low, found.high


def test_the_area_is_near_that_of_the_pooled_probabilities() -> None:
    found = tell_apart(FIRST, MOVED, seed=0)
    auc, low, high = _known(found)
    pooled = roc_auc_score([0] * len(FIRST) + [1] * len(MOVED), found.probabilities)
    assert auc == pytest.approx(pooled, abs=0.03)
    assert low < pooled < high
    assert auc > 0.9


def test_the_interval_is_delongs_within_one_fold_of_each_text() -> None:
    # Of distinct rows its width is that of DeLong's within folds; against the standard error over many draws:
    random = np.random.default_rng(4)
    areas, halves = [], []
    for seed in range(60):
        auc, low, high = _known(tell_apart(random.normal(size=(60, 2)), random.normal(size=(60, 2)) + 0.7, seed=seed))
        areas.append(auc)
        halves.append((high - low) / 2 / 1.96)
    assert np.mean(halves) == pytest.approx(np.std(areas), rel=0.35)


def test_equal_texts_lie_in_one_fold_and_are_not_known_from_the_other_time() -> None:
    # Eight random texts of each side, ten times each: nothing can be learned from the one about the other.
    random = np.random.default_rng(5)
    areas = []
    for seed in range(20):
        first, second = (np.repeat(random.normal(size=(8, 20)), 10, axis=0) for _ in range(2))
        found = tell_apart(first, second, seed=seed, n_folds=4)
        areas.append(_known(found)[0])
        for group in np.unique(found.groups):
            assert len(set(found.probabilities[found.groups == group])) == 1
    assert np.mean(areas) < 0.65  # all are told apart when the copies are dealt out over folds
    assert np.mean(areas) > 0.35


def test_copies_of_texts_make_no_interval_narrower() -> None:
    once = _known(tell_apart(FIRST, MOVED - 0.7, seed=0))
    copied = _known(tell_apart(np.repeat(FIRST, 5, axis=0), np.repeat(MOVED - 0.7, 5, axis=0), seed=0))
    assert copied[2] - copied[1] > 0.7 * (once[2] - once[1])


def test_a_side_with_one_text_cannot_be_cross_validated() -> None:
    found = tell_apart(FIRST, np.ones((30, 8)), seed=0)
    assert (found.auc, found.low, found.reason) == (None, None, TOO_FEW)
    with pytest.raises(BadInputError):
        tell_apart(FIRST, np.ones((30, 7)), seed=0)
