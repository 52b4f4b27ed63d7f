"""Whether a series has moved to another level and stayed there."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import stats

from millrace.errors import BadInputError
from millrace.records.base import Record

Floats = npt.NDArray[np.float64]


class LevelShift(Record):
    """The most telling place to cut a series in two."""

    start: int = Field(ge=1, description="Index of the first value of the new level")
    p_value: float = Field(gt=0, le=1, description="Two-sided, for the places that were tried")
    before: float = Field(description="Median of the old level")
    after: float = Field(description="Median of the new level")
    autocorrelation: float = Field(ge=0, lt=1, description="Of neighbouring values, which the p-value allows for")


def level_shift(values: Sequence[float] | npt.ArrayLike, *, shortest: int = 3, longest: int = 14) -> LevelShift | None:
    """Compare the last values with all before them, for each length of the new level, by their ranks.

    For each length from ``shortest`` to ``longest`` the exact rank-sum distribution gives a p-value; the smallest is
    multiplied by the number of lengths (Bonferroni). Ranks make it indifferent to how far out single values lie.
    Neighbouring days are often alike, which makes runs: where the values before the cut have a positive
    autocorrelation r, the p-value is that of the normal deviate times sqrt((1 - r) / (1 + r)).

    A shift of three values is the most extreme of C(n, 3) orders, so it has a p-value of at best
    2 * n_lengths / C(n, 3): with 43 values and 12 lengths .002, one of four values .0002.

    Args:
        values: finite, in order of time, shape (n_items,).
        shortest, longest: of the new level, at least 1; the old one has at least as many values as the new one.

    Returns:
        None when there are fewer than ``2 * shortest`` values, or all are equal.

    Raises:
        BadInputError: a value that is not finite, or lengths that are none.

    Source:
        Wilcoxon (1945), Biometrics Bulletin 1(6), 80-83; over all cuts: Pettitt (1979), Applied Statistics 28(2),
        126-135; dependence: Bayley and Hammersley (1946), Suppl. J. R. Stat. Soc. 8(2), 184-197.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not np.isfinite(data).all() or not 1 <= shortest <= longest:
        raise BadInputError("a level shift needs finite values in one dimension, and lengths of at least 1")
    n = len(data)
    lengths = range(shortest, min(longest, n // 2) + 1)
    if not lengths or np.ptp(data) == 0:
        return None
    ranks = stats.rankdata(data)
    p_values = [_rank_sum_p_value(float(ranks[n - length :].sum()), length, n) for length in lengths]
    best = int(np.argmin(p_values))
    start = n - lengths[best]
    autocorrelation = _autocorrelation(ranks[:start])
    p_value = _widened(p_values[best], autocorrelation)
    return LevelShift(
        start=start,
        p_value=min(1.0, p_value * len(lengths)),
        before=float(np.median(data[:start])),
        after=float(np.median(data[start:])),
        autocorrelation=autocorrelation,
    )


def _rank_sum_p_value(rank_sum: float, length: int, n: int) -> float:
    """Two-sided; where ties make it half a rank, that is rounded towards the middle."""
    middle = length * (n + 1) / 2
    least = int(middle + abs(rank_sum - middle))
    return min(1.0, 2 * float(_upper_tail(length, n)[least]))


@cache
def _upper_tail(length: int, n: int) -> Floats:
    """P(rank sum >= s) of ``length`` of n items, by s from 0 on."""
    most = length * n
    counts = np.zeros((length + 1, most + 2))
    counts[0, 0] = 1.0
    for rank in range(1, n + 1):
        counts[1:, rank:] += counts[:-1, : most + 2 - rank]
    tail: Floats = np.cumsum(counts[length][::-1])[::-1] / counts[length].sum()
    return tail


def _autocorrelation(ranks: Floats) -> float:
    """Of neighbours, in [0, .95]; small samples estimate it too low, by (1 + 3 r) / n (Kendall 1954)."""
    away = ranks - ranks.mean()
    squares = float((away * away).sum())
    if squares == 0 or len(ranks) < 3:
        return 0.0
    r = float((away[1:] * away[:-1]).sum()) / squares
    return min(0.95, max(0.0, r + (1 + 3 * r) / len(ranks)))


def _widened(p_value: float, autocorrelation: float) -> float:
    deviate = stats.norm.isf(p_value / 2) * np.sqrt((1 - autocorrelation) / (1 + autocorrelation))
    return max(float(2 * stats.norm.sf(deviate)), p_value)
