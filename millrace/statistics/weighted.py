"""The mean of a stratified sample, each of whose items stands for several."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.intervals import Estimate, student_interval

Item = tuple[float, float]  # value and weight


class _Variance(NamedTuple):
    """Of one stratum's part of the mean: variance, and the degrees of freedom of that."""

    value: float
    freedom: int


def stratified_mean(
    values: Sequence[float | None],
    weights: Sequence[float],
    strata: Sequence[str],
    *,
    confidence: float = 0.95,
    lowest: float | None = None,
    highest: float | None = None,
) -> Estimate:
    """The weighted mean of those items that have a value, with an interval that knows the strata.

    The mean is a ratio, sum of weight x value over sum of weights. Its variance is linearised, stratum by stratum: how
    values vary within the stratum, and how the sampled share of items that have a value may differ from that of all.
    Degrees of freedom are Satterthwaite's. A stratum with a single value tells nothing of its variance, and is counted
    together with the next one by name.

    There is no finite population correction: what is asked is how the application does, of which even all of a day's
    traces are only a sample, and days evaluated in full must compare with days that were sampled. The strata's shares
    count as known. With one stratum and equal weights this is ``student_interval`` of the values.

    Args:
        values: finite; None for an item that has no value, such as a trace without an answer.
        weights: above 0, how many items each stands for.
        strata: each item's stratum; all three have length n_items, and their order changes nothing.
        confidence: in (0, 1).
        lowest, highest: what a value can be; the interval is cut there.

    Returns:
        ``n`` counts the items with a value. Undefined without any (reason ``no_items``); without an interval for one
        (``one_item``).

    Raises:
        BadInputError: different lengths, a weight that is not positive, a value that is not finite, or a confidence
            outside (0, 1).

    Source:
        Cochran (1977), Sampling Techniques, 3rd ed., 5A.14 (means over subpopulations of a stratified sample), 5.4
        (degrees of freedom) and 5A.12 (collapsed strata); without the factor 1 - f.
    """
    if not len(values) == len(weights) == len(strata):
        raise BadInputError(f"{len(values)} values, {len(weights)} weights and {len(strata)} strata")
    if not all(weight > 0 and math.isfinite(weight) for weight in weights):
        raise BadInputError("a weight must be positive and finite")
    items, sizes = _by_stratum(values, weights, strata)
    known = [item for each in items.values() for item in each]
    plain = student_interval([value for value, _ in known], confidence=confidence, lowest=lowest, highest=highest)
    if len(items) <= 1 and len({weight for _, weight in known}) <= 1:
        return plain
    total = math.fsum(weight for _, weight in known)  # fsum rounds once, so that the order of terms changes nothing
    mean = math.fsum(value * weight for value, weight in known) / total
    if plain.reason is not None:
        return plain.model_copy(update={"method": "stratified", "mean": None if plain.mean is None else mean})
    parts = [_variance(items[name], sizes[name], mean, total) for name in _collapsed(items, sizes)]
    half = _half_width(parts, confidence)
    low = mean - half if lowest is None else max(lowest, mean - half)
    high = mean + half if highest is None else min(highest, mean + half)
    return plain.model_copy(update={"method": "stratified", "mean": mean, "low": low, "high": high})


def _by_stratum(
    values: Sequence[float | None], weights: Sequence[float], strata: Sequence[str]
) -> tuple[dict[str, list[Item]], dict[str, int]]:
    """Items with a value by stratum, strata by name, and how many items each stratum has."""
    items: defaultdict[str, list[Item]] = defaultdict(list)
    sizes: defaultdict[str, int] = defaultdict(int)
    for value, weight, stratum in zip(values, weights, strata, strict=True):
        sizes[stratum] += 1
        if value is not None:
            items[stratum].append((value, weight))
    return {name: items[name] for name in sorted(items)}, dict(sizes)


def _collapsed(items: dict[str, list[Item]], sizes: dict[str, int]) -> list[str]:
    """Joins strata, in place, until each has two values; the names that are left. There are two values in all."""
    names = list(items)
    while lonely := next((name for name in names if len(items[name]) < 2), None):
        place = names.index(lonely)
        partner = names[place + 1] if place + 1 < len(names) else names[place - 1]
        items[partner] = items[partner] + items[lonely]
        sizes[partner] += sizes[lonely]
        names.remove(lonely)
    return names


def _variance(items: Sequence[Item], size: int, mean: float, total: float) -> _Variance:
    """Of a stratum of ``size`` items, of which these have a value."""
    n = len(items)
    influences = [weight * (value - mean) / total for value, weight in items]
    centre = math.fsum(influences) / n
    within = math.fsum((each - centre) ** 2 for each in influences) * n / (n - 1)
    membership = n * centre**2 * (1 - n / size) * size / (size - 1)
    return _Variance(within + membership, n - 1)


def _half_width(parts: Sequence[_Variance], confidence: float) -> float:
    variance = math.fsum(part.value for part in parts)
    if variance == 0:
        return 0.0
    freedom = variance**2 / math.fsum(part.value**2 / part.freedom for part in parts)
    return float(stats.t.ppf(0.5 + confidence / 2, freedom)) * float(np.sqrt(variance))
