"""Estimates with their intervals: Wilson's for shares, Student's for means, the bootstrap for everything else."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import stats

from millrace.errors import BadInputError
from millrace.records.base import Record

Indices = npt.NDArray[np.intp]


class Estimate(Record):
    """An estimate and its interval, in the unit of the statistic; None needs a reason."""

    mean: float | None = Field(description="The statistic of the data as given")
    low: float | None
    high: float | None
    n: int = Field(ge=0, description="Items; the number of groups is smaller where groups are resampled")
    confidence: float = Field(gt=0, lt=1)
    method: Literal[
        "wilson",
        "weighted_wilson",
        "newcombe",
        "student_t",
        "bootstrap",
        "grouped_bootstrap",
        "order_statistics",
        "prediction_powered",
        "cohen_kappa",
        "stratified",
    ]
    reason: Literal["no_items", "one_item", "undefined", "unstable"] | None = Field(
        None,
        description="no_items: nothing to estimate from; one_item: too little for an interval; undefined: the "
        "statistic has no value on the data; unstable: it has none on more than one resample in ten, so the interval "
        "is left out",
    )


def wilson_interval(successes: int, n: int, *, confidence: float = 0.95) -> Estimate:
    """A share with its score interval, which stays inside [0, 1] and has a width even at 0 and n successes.

    Args:
        successes: 0 to n.
        n: independent trials; none give None with reason ``no_items``.
        confidence: in (0, 1).

    Raises:
        BadInputError: successes outside 0..n, or a confidence outside (0, 1).

    Source:
        Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212; without continuity correction.
    """
    _check_confidence(confidence)
    if not 0 <= successes <= n:
        raise BadInputError(f"{successes} successes of {n} trials", successes=successes, n=n)
    if n == 0:
        return Estimate(mean=None, low=None, high=None, n=0, confidence=confidence, method="wilson", reason="no_items")
    share = successes / n
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    # At the ends the bound equals the share; the formula gives it only up to rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(mean=share, low=low, high=high, n=n, confidence=confidence, method="wilson")


def share_difference(first: Estimate, second: Estimate) -> Estimate:
    """How much larger the second of two independent shares is, with Newcombe's interval; n counts both samples.

    Args:
        first, second: shares with their Wilson intervals, of one confidence; one that is undefined makes the
            difference undefined (``no_items``).

    Raises:
        BadInputError: an estimate that is no share with a Wilson interval, or two confidences.

    Source:
        Newcombe (1998), Stat. Med. 17(8), 873-890, method 10.
    """
    if (first.method, second.method) != ("wilson", "wilson") or first.confidence != second.confidence:
        raise BadInputError("a difference of shares needs two Wilson intervals of one confidence")
    bare = Estimate(
        mean=None,
        low=None,
        high=None,
        n=first.n + second.n,
        confidence=first.confidence,
        method="newcombe",
        reason="no_items",
    )
    ends = [end for share in (first, second) for end in (share.low, share.mean, share.high) if end is not None]
    if len(ends) < 6:
        return bare
    low_1, mean_1, high_1, low_2, mean_2, high_2 = ends
    difference = mean_2 - mean_1
    low = difference - float(np.hypot(mean_2 - low_2, high_1 - mean_1))
    high = difference + float(np.hypot(high_2 - mean_2, mean_1 - low_1))
    return bare.model_copy(update={"mean": difference, "low": low, "high": high, "reason": None})


def student_interval(
    values: Sequence[float] | npt.ArrayLike,
    *,
    confidence: float = 0.95,
    lowest: float | None = None,
    highest: float | None = None,
) -> Estimate:
    """A mean with Student's interval: a closed form, where the bootstrap would take minutes on a busy week.

    Args:
        values: finite, shape (n_items,), independent; their order changes nothing.
        confidence: in (0, 1).
        lowest, highest: what a value can be; the interval is cut there.

    Returns:
        Undefined for no values (reason ``no_items``); without an interval for one (``one_item``); with an interval of
        no width when all values are equal.

    Raises:
        BadInputError: a value that is not finite, or a confidence outside (0, 1).

    Source:
        Student (1908), Biometrika 6(1), 1-25.
    """
    _check_confidence(confidence)
    data = np.sort(np.asarray(values, dtype=np.float64))  # a sum depends on the order of its terms
    if not np.isfinite(data).all():
        raise BadInputError("a mean needs finite values; leave out the items that have none")
    n = len(data)
    bare = Estimate(mean=None, low=None, high=None, n=n, confidence=confidence, method="student_t", reason="no_items")
    if n == 0:
        return bare
    mean = float(data.mean())
    if n == 1:
        return bare.model_copy(update={"mean": mean, "reason": "one_item"})
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * float(data.std(ddof=1)) / n**0.5
    low = mean - half if lowest is None else max(lowest, mean - half)
    high = mean + half if highest is None else min(highest, mean + half)
    return bare.model_copy(update={"mean": mean, "low": low, "high": high, "reason": None})


def bootstrap_interval(
    values: Sequence[float] | npt.ArrayLike,
    statistic: Callable[[npt.NDArray[np.float64]], float | None],
    *,
    seed: int,
    n_resamples: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Percentile bootstrap of a statistic of independent items.

    Args:
        values: finite, shape (n_items,) or (n_items, n_columns); rows are resampled.
        statistic: of the resampled values; None where it has no value.
        seed: of the resampling; the same seed gives the same interval.
        n_resamples: at least 100.
        confidence: in (0, 1).

    Raises:
        BadInputError: a value that is not finite, too few resamples, or a confidence outside (0, 1).

    Source:
        Efron (1979), Ann. Stat. 7(1), 1-26; percentile interval, Efron and Tibshirani (1993), ch. 13.
    """
    data = np.asarray(values, dtype=np.float64)
    if not np.isfinite(data).all():
        raise BadInputError("a bootstrap needs finite values; leave out the items that have none")
    items = [np.array([index]) for index in range(len(data))]
    return _percentile(
        items,
        lambda rows: statistic(data[rows]),
        "bootstrap",
        seed=seed,
        n_resamples=n_resamples,
        confidence=confidence,
    )


def grouped_bootstrap(
    groups: Sequence[str],
    statistic: Callable[[Indices], float | None],
    *,
    seed: int,
    n_resamples: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """Percentile bootstrap that resamples whole groups, for items that are alike within a group.

    A paired difference is a statistic too: ``lambda rows: auc(a[rows]) - auc(b[rows])``.

    Args:
        groups: each item's group, length n_items; groups are drawn in sorted order.
        statistic: of the resampled items, given by their indices, repeats included; None where it has no value.
        seed, n_resamples, confidence: as in ``bootstrap_interval``.

    Raises:
        BadInputError: too few resamples, or a confidence outside (0, 1).

    Source:
        Davison and Hinkley (1997), Bootstrap Methods and their Application, 3.8 (resampling of clusters).
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    rows = [np.array(members[group]) for group in sorted(members)]
    return _percentile(rows, statistic, "grouped_bootstrap", seed=seed, n_resamples=n_resamples, confidence=confidence)


def _percentile(
    groups: Sequence[Indices],
    statistic: Callable[[Indices], float | None],
    method: Literal["bootstrap", "grouped_bootstrap"],
    *,
    seed: int,
    n_resamples: int,
    confidence: float,
) -> Estimate:
    _check_confidence(confidence)
    if n_resamples < 100:
        raise BadInputError(f"{n_resamples} resamples say nothing of an interval; take at least 100")
    n_items = sum(len(group) for group in groups)
    bare = Estimate(mean=None, low=None, high=None, n=n_items, confidence=confidence, method=method, reason="no_items")
    if n_items == 0:
        return bare
    mean = statistic(np.sort(np.concatenate(groups)))
    if mean is None:
        return bare.model_copy(update={"reason": "undefined"})
    random = np.random.default_rng(seed)
    drawn = (random.integers(len(groups), size=len(groups)) for _ in range(n_resamples))
    found = [statistic(np.concatenate([groups[index] for index in draw])) for draw in drawn]
    known = [value for value in found if value is not None]
    if len(known) < 0.9 * n_resamples:
        return bare.model_copy(update={"mean": float(mean), "reason": "unstable"})
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return bare.model_copy(update={"mean": float(mean), "low": float(low), "high": float(high), "reason": None})


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise BadInputError(f"a confidence lies between 0 and 1, got {confidence}", confidence=confidence)
