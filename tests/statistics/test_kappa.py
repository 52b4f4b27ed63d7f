"""Cohen's kappa against scikit-learn, a published standard error, and tables worked by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from millrace.errors import BadInputError
from millrace.statistics.kappa import cohen_kappa, kappa_standard_error

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def verdicts(yes_yes: int, yes_no: int, no_yes: int, no_no: int) -> tuple[list[bool], list[bool]]:
    cells = [(True, True)] * yes_yes + [(True, False)] * yes_no + [(False, True)] * no_yes + [(False, False)] * no_no
    return [first for first, _ in cells], [second for _, second in cells]


def test_a_table_worked_by_hand() -> None:
    # yes/yes 20, yes/no 5, no/yes 10, no/no 15 -> observed 0.70, expected 0.50
    found = cohen_kappa(*verdicts(20, 5, 10, 15))
    assert found.mean == pytest.approx(0.40)
    assert (found.n, found.method, found.reason) == (50, "cohen_kappa", None)


def test_the_standard_error_is_the_published_one() -> None:
    # The example of SAS's FREQ procedure that statsmodels is tested with: kappa .4842, ASE .1380
    assert kappa_standard_error([[0, 4, 1], [0, 8, 0], [0, 1, 5]]) == pytest.approx(0.1380, abs=5e-5)


def test_a_large_sample_has_the_large_sample_interval() -> None:
    found = cohen_kappa(*verdicts(4_000, 900, 600, 4_500))
    error = kappa_standard_error([[4_500, 600], [900, 4_000]])
    assert error is not None
    assert found.mean is not None
    expected = (found.mean - 1.96 * error, found.mean + 1.96 * error)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_it_is_scikit_learns_and_lies_in_its_interval(pairs: list[tuple[bool, bool]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = cohen_kappa(first, second)
    if len({*first, *second}) == 1:
        assert (found.mean, found.low, found.reason) == (None, None, "undefined")
        return
    assert found.mean == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert found.mean is not None
    assert -1 <= found.low <= found.mean <= found.high <= 1
    assert found.high - found.low > 0.05
    swapped = cohen_kappa(second, first)
    assert (swapped.mean, swapped.low, swapped.high) == pytest.approx((found.mean, found.low, found.high))


def test_full_agreement_has_a_width_that_shrinks() -> None:
    few, many = cohen_kappa(*verdicts(5, 0, 0, 15)), cohen_kappa(*verdicts(50, 0, 0, 150))
    assert few.high == many.high == 1
    assert few.low is not None
    assert many.low is not None
    assert few.low < 0.7 < 0.9 < many.low < 1
    assert kappa_standard_error([[15, 0], [0, 5]]) == 0  # what would have made the interval a point


def test_nothing_and_one_verdict_are_undefined() -> None:
    assert cohen_kappa([], []).reason == "no_items"
    assert cohen_kappa([True] * 9, [True] * 9).reason == "undefined"
    assert kappa_standard_error([[0, 0], [0, 9]]) is None
    assert cohen_kappa([True] * 9, [False] * 9).mean == 0


def test_weights_scale_the_table() -> None:
    first, second = verdicts(2, 1, 1, 2)
    assert cohen_kappa(first, second, weights=[3.0] * 6) == cohen_kappa(first, second)
    # weights 2 for the first two: yes/yes 4 of 8, observed 6/8, expected 5/8 * 5/8 + 3/8 * 3/8 = 34/64
    found = cohen_kappa(first, second, weights=[2, 2, 1, 1, 1, 1])
    assert found.mean == pytest.approx((48 / 64 - 34 / 64) / (30 / 64))


@pytest.mark.parametrize(("n", "share", "right"), [(20, 0.1, 0.9), (20, 0.5, 0.97), (50, 0.05, 0.97)])
def test_the_interval_covers_where_agreement_is_high_and_one_verdict_rare(n: int, share: float, right: float) -> None:
    random, n_runs, hits, n_defined = np.random.default_rng([n, int(100 * share)]), 500, 0, 0
    called = share * right + (1 - share) * (1 - right)
    chance = share * called + (1 - share) * (1 - called)
    truth = (right - chance) / (1 - chance)
    for _ in range(n_runs):
        people = random.random(n) < share
        found = cohen_kappa(np.where(random.random(n) < right, people, ~people), people)
        if found.low is not None and found.high is not None:
            n_defined += 1
            hits += found.low <= truth <= found.high
    assert hits >= 0.93 * n_defined


@pytest.mark.parametrize(
    ("first", "second", "weights"),
    [([True], [True, False], None), ([0.5], [True], None), ([True], [True], [0.0]), ([True], [True], [1.0, 1.0])],
)
def test_bad_input_is_refused(first: Any, second: Any, weights: Any) -> None:
    with pytest.raises(BadInputError):
        cohen_kappa(first, second, weights=weights)


def test_a_table_that_is_not_square_is_refused() -> None:
    with pytest.raises(BadInputError):
        kappa_standard_error([[1, 2, 3], [4, 5, 6]])


def test_a_confidence_outside_0_to_1_is_refused() -> None:
    with pytest.raises(BadInputError):
        cohen_kappa([True], [True], confidence=0.0)
