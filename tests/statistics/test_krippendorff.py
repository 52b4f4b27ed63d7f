"""Krippendorff's alpha against his published tables, tables worked by hand, and its definition pair by pair."""

import math
from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.statistics.krippendorff import Metric, Value, alpha_interval, krippendorff_alpha

METRICS: tuple[Metric, ...] = get_args(Metric)
METRIC = st.sampled_from(METRICS)
UNITS = st.lists(st.lists(st.integers(1, 4), max_size=4), max_size=10)


def units_of(*observers: str) -> list[list[str]]:
    """Columns of observers' rows without the blanks."""
    width = max(map(len, observers))
    columns = zip(*(row.ljust(width) for row in observers), strict=True)
    return [[value for value in column if value != " "] for column in columns]


# Krippendorff (2011), C: four observers, units 1 to 12 as printed; a blank is a missing value
PUBLISHED = units_of("123321412   ", "1233224125 3", " 3332342251 ", "12332441251 ")


def numbers(units: Sequence[Sequence[str]]) -> list[list[int]]:
    return [[int(value) for value in unit] for unit in units]


@pytest.mark.parametrize(("metric", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_four_observers_as_published(metric: Metric, expected: float) -> None:
    found = krippendorff_alpha(numbers(PUBLISHED), metric=metric)
    assert found.value == pytest.approx(expected, abs=5e-4)
    assert (found.n_units, found.n_values) == (11, 40)  # the twelfth unit has one value
    assert found.reason is None


def test_two_observers_with_two_values_as_published() -> None:
    # Krippendorff (2011), A: 10 units, alpha = 0.095
    found = krippendorff_alpha(units_of("0100000010", "1110010000"))
    assert found.value == pytest.approx(0.095, abs=5e-4)


def test_two_observers_with_five_values_as_published() -> None:
    # Krippendorff (2011), B: 12 units, alpha = 0.692
    found = krippendorff_alpha(units_of("aabbdcccedda", "babbbccceddd"))
    assert found.value == pytest.approx(0.692, abs=5e-4)


def test_a_table_worked_by_hand() -> None:
    # Units aa, ab, bb: 2 of 6 ordered pairs differ (observed 2/6); 3 a and 3 b: 18 of 30 pairs differ. 1 - 5/9.
    assert krippendorff_alpha([["a", "a"], ["a", "b"], ["b", "b"]]).value == pytest.approx(4 / 9)


def test_an_ordinal_table_worked_by_hand() -> None:
    # Units 11, 13, 22, 33: totals 3, 2, 3. Middles of ranks 1.5, 4, 6.5: squared distances 1-2 and 2-3 6.25, 1-3 25.
    # Observed: the pair 1-3, twice: 50 / 8. Expected: 2 (6 * 6.25 + 6 * 6.25 + 9 * 25) / (8 * 7) = 600 / 56.
    found = krippendorff_alpha([[1, 1], [1, 3], [2, 2], [3, 3]], metric="ordinal")
    assert found.value == pytest.approx(1 - (50 / 8) / (600 / 56))


@given(UNITS, METRIC)
def test_it_is_the_definition_over_all_pairs(units: list[list[int]], metric: Metric) -> None:
    found = krippendorff_alpha(units, metric=metric).value
    expected = alpha_by_pairs([unit for unit in units if len(unit) > 1], metric)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-9))


def alpha_by_pairs(units: list[list[int]], metric: Metric) -> float | None:
    """Mean distance within units, each unit by its number of values, over mean distance of all values."""
    values = [value for unit in units for value in unit]
    if len(set(values)) < 2:
        return None

    def distance(a: int, b: int) -> float:
        if metric == "nominal":
            return float(a != b)
        if metric == "interval":
            return float((a - b) ** 2)
        low, high = min(a, b), max(a, b)
        between = sum(values.count(value) for value in range(low, high + 1))
        return (between - (values.count(a) + values.count(b)) / 2) ** 2

    def mean(of: list[int]) -> float:
        pairs = list(permutations(of, 2))
        return math.fsum(distance(a, b) for a, b in pairs) / len(pairs)

    observed = math.fsum(len(unit) * mean(unit) for unit in units) / len(values)
    return 1 - observed / mean(values)


@given(UNITS, METRIC, st.randoms(use_true_random=False))
def test_the_order_of_units_and_of_observers_does_not_matter(
    units: list[list[int]], metric: Metric, random: Random
) -> None:
    shuffled = [random.sample(unit, len(unit)) for unit in random.sample(units, len(units))]
    first, second = (krippendorff_alpha(each, metric=metric) for each in (units, shuffled))
    assert first.value == (None if second.value is None else pytest.approx(second.value, abs=1e-9))
    assert (first.n_units, first.n_values, first.reason) == (second.n_units, second.n_values, second.reason)


@given(UNITS)
def test_nominal_alpha_does_not_depend_on_the_names_of_values(units: list[list[int]]) -> None:
    renamed: list[list[Value]] = [["dcba"[value - 1] for value in unit] for unit in units]
    first, second = krippendorff_alpha(units).value, krippendorff_alpha(renamed).value
    assert first == (None if second is None else pytest.approx(second, abs=1e-9))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(2, 5)), min_size=1, max_size=10), METRIC)
def test_perfect_agreement_is_one_where_values_differ_between_units(
    given_: list[tuple[int, int]], metric: Metric
) -> None:
    units = [[value] * n_observers for value, n_observers in given_]
    found = krippendorff_alpha(units, metric=metric)
    if len({value for value, _ in given_}) > 1:
        assert found.value == 1
    else:
        assert (found.value, found.reason) == (None, "one_value")


@given(UNITS, METRIC)
def test_it_is_at_most_one(units: list[list[int]], metric: Metric) -> None:
    value = krippendorff_alpha(units, metric=metric).value
    assert value is None or value <= 1


@pytest.mark.parametrize("metric", METRICS)
def test_values_at_random_agree_as_by_chance(metric: Metric) -> None:
    units = np.random.default_rng(1).integers(1, 5, size=(2000, 2)).tolist()
    assert krippendorff_alpha(units, metric=metric).value == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("units", [[], [[]], [[1], [2], []]])
def test_without_two_values_of_a_unit_it_is_undefined(units: list[list[int]]) -> None:
    found = krippendorff_alpha(units)
    assert (found.value, found.reason, found.n_units, found.n_values) == (None, "no_pairs", 0, 0)
    estimate = alpha_interval(units, seed=0)
    assert (estimate.mean, estimate.reason, estimate.n) == (None, "no_items", 0)


def test_with_one_value_it_is_undefined() -> None:
    found = krippendorff_alpha([[1, 1], [1, 1, 1], [2]])  # 2 stands alone in its unit and counts for nothing
    assert (found.value, found.reason, found.n_units, found.n_values) == (None, "one_value", 2, 5)
    assert alpha_interval([[1, 1], [1, 1]], seed=0).reason == "undefined"


@pytest.mark.parametrize(
    ("metric", "value"), [("ordinal", "a"), ("interval", "a"), ("interval", math.nan), ("nominal", math.inf)]
)
def test_values_that_cannot_be_compared_are_refused(metric: Metric, value: Value) -> None:
    for call in (
        lambda: krippendorff_alpha([[1, value]], metric=metric),
        lambda: alpha_interval([[1, value]], seed=0, metric=metric),
    ):
        with pytest.raises(BadInputError, match=f"{metric} metric"):
            call()


def test_the_interval_holds_the_value_and_repeats_with_its_seed() -> None:
    units = numbers(PUBLISHED) * 5
    first = alpha_interval(units, seed=3, n_resamples=300)
    assert first == alpha_interval(units, seed=3, n_resamples=300)
    assert first != alpha_interval(units, seed=4, n_resamples=300)
    assert first.mean == krippendorff_alpha(units).value
    assert first.low is not None
    assert first.high is not None
    assert first.mean is not None
    assert first.low < first.mean < first.high <= 1
    assert (first.n, first.method) == (55, "grouped_bootstrap")


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # Two observers see the true value, one of two at even odds, each with probability p, else one at random: values
    # agree with probability (1 + p^2) / 2, by chance 1 / 2, so alpha is p^2. Here .64.
    random = np.random.default_rng(7)
    n_covered = 0
    for seed in range(60):
        truth = random.integers(2, size=(80, 1))
        seen = np.where(random.random((80, 2)) < 0.8, truth, random.integers(2, size=(80, 2)))
        found = alpha_interval(seen.tolist(), seed=seed, n_resamples=200)
        assert found.low is not None
        assert found.high is not None
        n_covered += found.low <= 0.64 <= found.high
    assert 51 <= n_covered <= 60  # binomial: fewer than 51 of 60 at 95 % has probability 0.001


def test_few_disagreements_leave_the_interval_out_rather_than_wrong() -> None:
    # One unit of another value among 5: one resample in three draws only one value.
    found = alpha_interval([[1, 1]] * 4 + [[2, 2]], seed=0)
    assert (found.mean, found.low, found.reason) == (1.0, None, "unstable")
