"""What an observation would teach: worked by hand, and as properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.statistics.design import information_gain, observed


def test_the_gain_is_worked_by_hand() -> None:
    # covariance diag(4, 1), x = (1, 1): variance 5; p = 1/2: 1 + 5 / 4; p = 1: nothing is open
    gains = information_gain(np.ones((2, 2)), np.array([0.5, 1.0]), np.diag([4.0, 1.0]))
    assert gains == pytest.approx([np.log(2.25), 0.0])


@given(seed=st.integers(0, 10_000), probability=st.floats(0, 1))
def test_the_gain_is_the_drop_of_the_log_determinant(seed: int, probability: float) -> None:
    random = np.random.default_rng(seed)
    root = random.normal(size=(4, 4))
    precision, x = root @ root.T + np.eye(4), random.normal(size=4)
    covariance = np.linalg.inv(precision)
    after = observed(covariance, x, probability)
    assert after == pytest.approx(np.linalg.inv(precision + probability * (1 - probability) * np.outer(x, x)))
    drop = np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(after)[1]
    assert information_gain(x[None], np.array([probability]), covariance)[0] == pytest.approx(drop, abs=1e-9)


def test_what_was_observed_teaches_less_the_second_time_and_its_opposite_direction_as_much() -> None:
    items, half = np.eye(2), np.array([0.5, 0.5])
    before = information_gain(items, half, np.eye(2))
    after = information_gain(items, half, observed(np.eye(2), items[0], 0.5))
    assert after[0] < before[0]
    assert after[1] == before[1]
