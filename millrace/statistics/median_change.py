"""How much a median has changed, relative to what it was."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from millrace.errors import BadInputError
from millrace.statistics.intervals import Estimate

Floats = npt.NDArray[np.float64]


def relative_median_change(
    before: Sequence[float] | npt.ArrayLike,
    after: Sequence[float] | npt.ArrayLike,
    *,
    seed: int,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
) -> Estimate:
    """(median after - median before) / |median before|, with the percentile bootstrap's interval.

    No sample is drawn: the median of a resample is an order statistic, whose place among the sorted values follows from
    Beta variates. So the distribution is the bootstrap's, at a cost that does not grow with the number of values.

    Args:
        before, after: finite, independent, shape (n_items,); their order changes nothing.
        seed: of the variates; the same seed gives the same interval.
        n_resamples: at least 100.
        confidence: in (0, 1).

    Returns:
        ``n`` counts the values of after. Undefined when either is empty (``no_items``) or the median before is 0
        (``undefined``); without an interval when that of more than one resample in ten is 0 (``unstable``).

    Raises:
        BadInputError: a value that is not finite, too few resamples, or a confidence outside (0, 1).

    Source:
        Efron (1979), Ann. Stat. 7(1), 1-26, section 3 (the bootstrap distribution of the median); order statistics of
        uniform variates: David and Nagaraja (2003), Order Statistics, 2.1 and 2.5.
    """
    old, new = (np.sort(np.asarray(values, dtype=np.float64)) for values in (before, after))
    if not (np.isfinite(old).all() and np.isfinite(new).all()):
        raise BadInputError("a median needs finite values; leave out the items that have none")
    if n_resamples < 100 or not 0 < confidence < 1:
        raise BadInputError(f"{n_resamples} resamples at confidence {confidence}; take at least 100, and 0 to 1")
    bare = Estimate(
        mean=None, low=None, high=None, n=len(new), confidence=confidence, method="bootstrap", reason="no_items"
    )
    if len(old) == 0 or len(new) == 0:
        return bare
    median = float(np.median(old))
    if median == 0:
        return bare.model_copy(update={"reason": "undefined"})
    change = (float(np.median(new)) - median) / abs(median)
    random = np.random.default_rng(seed)
    old_medians, new_medians = (_resampled_medians(values, random, n_resamples) for values in (old, new))
    known = old_medians != 0
    if known.mean() < 0.9:
        return bare.model_copy(update={"mean": change, "reason": "unstable"})
    changes = (new_medians[known] - old_medians[known]) / np.abs(old_medians[known])
    low, high = np.quantile(changes, [(1 - confidence) / 2, (1 + confidence) / 2])
    return bare.model_copy(update={"mean": change, "low": float(low), "high": float(high), "reason": None})


def _resampled_medians(values: Floats, random: np.random.Generator, n_resamples: int) -> Floats:
    """Medians of samples with replacement from sorted values: the two middle of n uniform variates, as places."""
    n = len(values)
    lower, upper = (n + 1) // 2, n // 2 + 1  # ranks from 1; the same for odd n
    first = random.beta(lower, n - lower + 1, size=n_resamples)
    second = first if upper == lower else first + (1 - first) * random.beta(1, n - lower, size=n_resamples)
    places = [np.minimum((n * uniform).astype(np.int64), n - 1) for uniform in (first, second)]
    medians: Floats = (values[places[0]] + values[places[1]]) / 2
    return medians
