"""Many tests at once: how sure each must be so that all together rarely err."""

from collections.abc import Sequence

from millrace.errors import BadInputError

_ROUNDING = 1e-12


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: those at most alpha are rejected, with at most alpha for any false one.

    Holds however the tests depend on each other.

    Args:
        p_values: in [0, 1]; none give an empty list.

    Raises:
        BadInputError: a p-value outside [0, 1].

    Source:
        Holm (1979), Scand. J. Stat. 6(2), 65-70.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:
            raise BadInputError(f"a p-value lies in [0, 1], got {p_value}", p_value=p_value)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def holm_levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """The level that each p-value is held against: it is rejected exactly when it is at most its level.

    An interval at that level excludes what was tested exactly where Holm's procedure rejects it. What is not rejected
    has the level at which the procedure stopped.

    Args:
        p_values: in [0, 1].
        alpha: in (0, 1), of all tests together.

    Raises:
        BadInputError: a p-value or ``alpha`` outside its range.

    Source:
        Holm (1979), as above.
    """
    if not 0 < alpha < 1:
        raise BadInputError(f"an error rate lies between 0 and 1, got {alpha}", alpha=alpha)
    rejected = [value <= alpha + _ROUNDING for value in holm(p_values)]
    n, n_rejected = len(p_values), sum(rejected)
    levels = [alpha / (n - n_rejected)] * n if n_rejected < n else [alpha] * n
    order = sorted(range(n), key=lambda each: p_values[each])
    for rank, index in enumerate(order[:n_rejected]):
        levels[index] = alpha / (n - rank)
    return levels
