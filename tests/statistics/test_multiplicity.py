"""Holm's procedure."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.statistics.multiplicity import holm, holm_levels

P_VALUES = st.lists(st.integers(0, 100).map(lambda each: each / 1000) | st.floats(0, 1), max_size=6)


def test_holm_worked_by_hand() -> None:
    # sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04; the last may not be below the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_levels_worked_by_hand() -> None:
    # .005 <= .05/4 and .01 <= .05/3 are rejected; .03 > .05/2 stops the procedure, and .04 has the level of the stop
    assert holm_levels([0.01, 0.04, 0.03, 0.005], 0.05) == pytest.approx([0.05 / 3, 0.025, 0.025, 0.0125])


@given(P_VALUES)
def test_holm_is_the_closure_of_bonferroni(p_values: list[float]) -> None:
    """A test's adjusted p-value is the largest Bonferroni p-value of the sets of tests that it is in."""
    places = range(len(p_values))
    sets = list(chain.from_iterable(combinations(places, size) for size in range(1, len(p_values) + 1)))
    bonferroni = {each: min(1.0, len(each) * min(p_values[index] for index in each)) for each in sets}
    expected = [max(bonferroni[each] for each in sets if index in each) for index in places]
    assert holm(p_values) == pytest.approx(expected)


@given(P_VALUES, st.sampled_from([0.01, 0.05, 0.1]))
def test_a_p_value_is_rejected_exactly_when_it_is_at_most_its_level(p_values: list[float], alpha: float) -> None:
    adjusted, levels = holm(p_values), holm_levels(p_values, alpha)
    for p_value, corrected, level in zip(p_values, adjusted, levels, strict=True):
        if abs(corrected - alpha) > 1e-9:  # at the edge it is a matter of rounding
            assert (corrected <= alpha) == (p_value <= level)
        assert alpha / len(p_values) <= level * (1 + 1e-12)
        assert level <= alpha


@pytest.mark.parametrize("p_values", [[-0.1], [0.5, 1.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(p_values: list[float]) -> None:
    with pytest.raises(BadInputError, match="p-value"):
        holm(p_values)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_what_is_no_error_rate_is_refused(alpha: float) -> None:
    with pytest.raises(BadInputError, match="error rate"):
        holm_levels([0.5], alpha)
