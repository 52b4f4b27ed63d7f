"""Logistic regression with a prior: against scikit-learn, and what a prior does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from millrace.errors import BadInputError
from millrace.statistics.logistic import log_losses, logistic_posterior


def drawn(seed: int, n_items: int = 60, n_features: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(n_items, n_features))
    return features, (features[:, 0] + random.normal(size=n_items) > 0).astype(float)


def test_a_prior_around_zero_is_scikit_learns_penalty() -> None:
    features, targets = drawn(1)
    found = logistic_posterior(features, targets, np.zeros(3), np.eye(3) * 0.5)
    theirs = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10, max_iter=1000).fit(features, targets)
    assert found.weights == pytest.approx(theirs.coef_[0], abs=1e-5)


def test_a_share_counts_as_so_much_of_a_yes_and_the_rest_of_a_no() -> None:
    features, _ = drawn(2)
    shares = np.random.default_rng(3).uniform(size=len(features))
    found = logistic_posterior(features, shares, np.zeros(3), np.eye(3))
    twice = np.concatenate([features, features])
    theirs = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=1000).fit(
        twice, np.repeat([1, 0], len(shares)), sample_weight=np.concatenate([shares, 1 - shares])
    )
    assert found.weights == pytest.approx(theirs.coef_[0], abs=1e-5)


def test_a_prior_elsewhere_is_a_shift_of_one_around_zero() -> None:
    # logit = w'x with w = prior + v: the same as an offset; scikit-learn has none, so check that the gradient vanishes
    features, targets = drawn(4)
    prior, precision = np.array([1.0, -2.0, 0.5]), np.diag([1.0, 2.0, 3.0])
    found = logistic_posterior(features, targets, prior, precision)
    probabilities = 1 / (1 + np.exp(-features @ found.weights))
    gradient = features.T @ (probabilities - targets) + precision @ (found.weights - prior)
    assert gradient == pytest.approx(np.zeros(3), abs=1e-8)
    information = (features * (probabilities * (1 - probabilities))[:, None]).T @ features + precision
    assert found.covariance == pytest.approx(np.linalg.inv(information), abs=1e-10)


def test_without_items_the_prior_stays() -> None:
    found = logistic_posterior(np.empty((0, 2)), np.empty(0), np.array([1.0, 2.0]), np.diag([4.0, 0.5]))
    assert found.weights.tolist() == [1.0, 2.0]
    assert found.covariance == pytest.approx(np.diag([0.25, 2.0]))


def test_yes_and_no_that_a_plane_parts_still_have_one_mode() -> None:
    features = np.array([[1.0, -100.0], [1.0, 100.0]])
    found = logistic_posterior(features, np.array([0.0, 1.0]), np.array([50.0, -3.0]), np.eye(2) * 0.01)
    assert np.isfinite(found.weights).all()
    assert found.weights[1] > 0


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([0.1, 1.0, 30.0]), order=st.integers(0, 1000))
def test_no_point_nearby_is_more_likely_and_order_hardly_matters(seed: int, scale: float, order: int) -> None:
    features, targets = drawn(seed, n_items=12, n_features=2)
    features = features * scale
    prior, precision = np.array([0.5, -1.0]), np.eye(2) * 0.3
    found = logistic_posterior(features, targets, prior, precision)

    def loss(weights: np.ndarray) -> float:
        away = weights - prior
        return float(log_losses(features @ weights, targets).sum() + away @ precision @ away / 2)

    for step in np.random.default_rng(seed).normal(size=(5, 2)) * 0.05:
        assert loss(found.weights) <= loss(found.weights + step) + 1e-9
    rows = np.random.default_rng(order).permutation(12)
    again = logistic_posterior(features[rows], targets[rows], prior, precision)
    assert again.weights == pytest.approx(found.weights, abs=1e-6)


def test_log_loss_is_worked_by_hand() -> None:
    # logit 0 is one half: ln 2 whatever the target; logit ln 3 is three quarters: -ln .75 for yes, -ln .25 for no
    logits = np.array([0.0, np.log(3), np.log(3), 1000.0])
    assert log_losses(logits, np.array([0.3, 1.0, 0.0, 1.0])) == pytest.approx(
        [np.log(2), -np.log(0.75), -np.log(0.25), 0.0]
    )


@pytest.mark.parametrize(
    ("features", "targets"),
    [
        (np.ones((2, 2)), np.array([0.0])),
        (np.ones((1, 3)), np.array([0.0])),
        (np.ones(2), np.array([0.0, 1.0])),
        (np.array([[1.0, np.nan]]), np.array([1.0])),
        (np.ones((1, 2)), np.array([1.5])),
    ],
)
def test_what_cannot_be_fitted_is_refused(features: np.ndarray, targets: np.ndarray) -> None:
    with pytest.raises(BadInputError):
        logistic_posterior(features, targets, np.zeros(2), np.eye(2))
