"""Spearman's rank correlation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.correlation import spearman

pairs = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=30)


def test_ranks_worked_by_hand() -> None:
    # ranks of y: 1, 3, 2; squared differences 0, 1, 1 -> 1 - 6 * 2 / (3 * 8) = .5
    assert spearman([10, 20, 30], [1, 3, 2]).value == pytest.approx(0.5)


@given(pairs)
def test_equals_scipy_with_ties(rows: list[tuple[int, int]]) -> None:
    x, y = zip(*rows, strict=True)
    found = spearman(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert (found.value, found.reason) == (None, "constant")
    else:
        assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)


@given(pairs)
def test_order_of_pairs_and_sides_do_not_matter(rows: list[tuple[int, int]]) -> None:
    x, y = zip(*rows, strict=True)
    assert spearman(x, y) == spearman(y, x) == spearman(x[::-1], y[::-1])


@given(pairs)
def test_a_rising_transformation_changes_nothing(rows: list[tuple[int, int]]) -> None:
    x, y = zip(*rows, strict=True)
    assert spearman(np.exp(x), y) == spearman(x, y)


def test_less_than_two_pairs_have_no_correlation() -> None:
    assert spearman([], []).reason == "too_few"
    assert spearman([1], [2]).reason == "too_few"


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([1, float("nan")], [1, 2]), ([1, 2], [1, float("inf")])])
def test_bad_input_is_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(BadInputError):
        spearman(x, y)
