"""Quantiles with intervals that assume nothing of the distribution."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.intervals import Estimate


def quantile_interval(
    values: Sequence[float] | npt.ArrayLike, quantile: float, *, confidence: float = 0.95
) -> Estimate:
    """A quantile, interpolated between the two nearest values, with its interval from order statistics.

    How many of n independent values lie below a quantile is binomial, whatever their distribution, so that two of the
    sorted values enclose it with at least the confidence asked for.

    Args:
        values: finite, shape (n_items,), independent.
        quantile: in (0, 1), such as .5 for the median.
        confidence: in (0, 1).

    Returns:
        Undefined for no values (``no_items``); without an interval where n is too small for one (``one_item``): the
        median needs 6 values, the 95th percentile 73, at 95 %.

    Raises:
        BadInputError: a value that is not finite, a quantile or confidence outside (0, 1).

    Source:
        Conover (1999), Practical Nonparametric Statistics, 3.2; interpolation as numpy's default (Hyndman and Fan 1996,
        Am. Stat. 50(4), 361-365, type 7).
    """
    if not 0 < quantile < 1 or not 0 < confidence < 1:
        raise BadInputError(f"quantile and confidence lie between 0 and 1, got {quantile} and {confidence}")
    data = np.sort(np.asarray(values, dtype=np.float64))
    if not np.isfinite(data).all():
        raise BadInputError("a quantile needs finite values; leave out the items that have none")
    n = len(data)
    bare = Estimate(
        mean=None, low=None, high=None, n=n, confidence=confidence, method="order_statistics", reason="no_items"
    )
    if n == 0:
        return bare
    found = float(np.quantile(data, quantile))
    below, above = _ranks(n, quantile, confidence)
    if below < 1 or above > n:
        return bare.model_copy(update={"mean": found, "reason": "one_item"})
    return bare.model_copy(
        update={"mean": found, "low": float(data[below - 1]), "high": float(data[above - 1]), "reason": None}
    )


def _ranks(n: int, quantile: float, confidence: float) -> tuple[int, int]:
    """Ranks from 1 of the values that enclose the quantile; 0 or n + 1 where no value does."""
    tail = (1 - confidence) / 2
    below = int(stats.binom.ppf(tail, n, quantile))  # P(B < below) <= tail
    above = int(stats.binom.ppf(1 - tail, n, quantile)) + 1  # P(B >= above) <= tail
    return below, above
