"""Whether a value fits those before it: robust z and Tukey's fences, with bounds that know how few those were."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import optimize, stats

from millrace.errors import BadInputError
from millrace.records.base import Record

_MAD_TO_SD = 1.4826  # of a normal distribution, as the next two
_IQR_TO_SD = 1 / 1.349
_MEAN_DEVIATION_TO_SD = 1.2533
_MAD_EFFICIENCY = 0.37
_FENCE_P_VALUE = 3e-4  # of a normal value outside fences of 3 IQR around 42 others, by simulation
_FENCE_N = 42
_NORMAL = 1e6  # degrees of freedom
_FEWEST_FOR_TAILS = 100
_ASSUMED_TAILS = 5.0


class Spread(Record):
    """Centre and scale of values, neither moved by a few that lie far out."""

    median: float
    scale: float = Field(ge=0, description="In the unit of the values; of a normal distribution its standard deviation")
    source: Literal["mad", "iqr", "mean_deviation", "constant"] = Field(
        description="What the scale is from: the first of these that is not 0; constant when all values are equal"
    )
    n: int = Field(ge=1)


class Fences(Record):
    """Quartiles, and the bounds beyond which a value is far out."""

    q1: float
    q3: float
    low: float
    high: float


def robust_spread(values: Sequence[float] | npt.ArrayLike) -> Spread:
    """Median, and the scale from the median absolute deviation.

    More than half of the values may be equal, which makes that deviation 0. Then the interquartile range gives the
    scale, and where it is 0 too, the mean absolute deviation from the median.

    Args:
        values: finite, shape (n_items,), at least one.

    Raises:
        BadInputError: no value, or one that is not finite.

    Source:
        Hampel (1974), J. Am. Stat. Assoc. 69(346), 383-393; the fallback of the mean deviation as in Iglewicz and
        Hoaglin (1993), How to Detect and Handle Outliers.
    """
    data = _finite(values)
    median = float(np.median(data))
    away = np.abs(data - median)
    q1, q3 = np.quantile(data, [0.25, 0.75])
    scales: dict[Literal["mad", "iqr", "mean_deviation"], float] = {
        "mad": _MAD_TO_SD * float(np.median(away)),
        "iqr": _IQR_TO_SD * float(q3 - q1),
        "mean_deviation": _MEAN_DEVIATION_TO_SD * float(np.sort(away).mean()),
    }
    for source, scale in scales.items():
        if scale > 0:
            return Spread(median=median, scale=scale, source=source, n=len(data))
    return Spread(median=median, scale=0.0, source="constant", n=len(data))


def tail_degrees(series: Sequence[npt.NDArray[np.float64]]) -> float:
    """How long the tails of series are: the degrees of freedom of the Student distribution that looks like them.

    It is the one with the same ratio of the 95th percentile of the distances from the centre to their median; of
    several series the median ratio. One series is too short to show its tails; many together do. Neither a few series
    that moved nor two days in forty that were out for all make the tails seem long.

    Args:
        series: distances from the centre, of either sign and of any scale, each finite and of shape (n_items,);
            those whose median distance is 0 are left out.

    Returns:
        1 to 1e6 (normal); 5 for fewer than 100 values in all, of which nothing can be told.
    """
    ratios, n_values = [], 0
    for values in series:
        half, far = np.quantile(np.abs(values), [0.5, 0.95], method="median_unbiased")
        if half > 0:
            ratios.append(float(far / half))
            n_values += len(values)
    if n_values < _FEWEST_FOR_TAILS:
        return _ASSUMED_TAILS
    ratio = float(np.median(ratios))

    def excess(log_degrees: float) -> float:
        degrees = np.exp(log_degrees)
        return float(stats.t.ppf(0.975, degrees) / stats.t.ppf(0.75, degrees)) - ratio

    ends = (0.0, float(np.log(_NORMAL)))
    if excess(ends[0]) <= 0:
        return 1.0
    return _NORMAL if excess(ends[1]) >= 0 else float(np.exp(optimize.brentq(excess, *ends)))


def robust_z_p_value(z: float, n: int, tails: float = _NORMAL) -> float:
    """Two-sided p-value of a new value's robust z against ``n`` earlier values.

    A scale from few values is itself uncertain, so that z has long tails: of normal values those of Student's t with
    0.37 n degrees of freedom, 0.37 being the efficiency of the median absolute deviation. By simulation that is right
    within a third for n of 14 to 42 and p-values down to 1e-4.

    Args:
        z: deviation from the median over the robust scale.
        n: earlier values.
        tails: degrees of freedom of the values themselves, from :func:`tail_degrees`; the reciprocals of both add up,
            by simulation.

    Source:
        efficiency: Rousseeuw and Croux (1993), J. Am. Stat. Assoc. 88(424), 1273-1283.
    """
    return float(2 * stats.t.sf(abs(z), _degrees(n, tails)))


def robust_z_bound(p_value: float, n: int, tails: float = _NORMAL) -> float:
    """The robust z that has this p-value; inverse of :func:`robust_z_p_value`."""
    return float(stats.t.isf(p_value / 2, _degrees(n, tails)))


def _degrees(n: int, tails: float) -> float:
    return 1 / (1 / (_MAD_EFFICIENCY * n) + 1 / tails)


def tukey_fences(values: Sequence[float] | npt.ArrayLike, factor: float = 3.0, tails: float = _NORMAL) -> Fences:
    """Quartiles (interpolated), and fences ``factor`` interquartile ranges outside them.

    The factor holds for 42 or more values of a normal distribution. Quartiles of fewer are less certain, so that their
    fences are wider, by the ratio of the bounds of :func:`robust_z_bound` at p = .0003: those of 28 by 1.1, of 14 by
    1.8; and so are those of values with longer tails.

    Args:
        values: finite, shape (n_items,), at least one.
        factor: 1.5 for Tukey's inner fences, 3 for his outer ones.
        tails: degrees of freedom of the values, from :func:`tail_degrees`.

    Raises:
        BadInputError: no value, one that is not finite, or a factor that is not positive.

    Source:
        Tukey (1977), Exploratory Data Analysis, 2D; quantiles by linear interpolation, Hyndman and Fan (1996), type 7.
    """
    data = _finite(values)
    if not factor > 0:
        raise BadInputError(f"fences need a factor above 0, got {factor}", factor=factor)
    q1, q3 = (float(value) for value in np.quantile(data, [0.25, 0.75]))
    bound = robust_z_bound(_FENCE_P_VALUE, min(len(data), _FENCE_N), tails)
    reach = factor * bound / robust_z_bound(_FENCE_P_VALUE, _FENCE_N) * (q3 - q1)
    return Fences(q1=q1, q3=q3, low=q1 - reach, high=q3 + reach)


def _finite(values: Sequence[float] | npt.ArrayLike) -> npt.NDArray[np.float64]:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or len(data) == 0:
        raise BadInputError(f"a spread needs at least one value in one dimension, got shape {data.shape}")
    if not np.isfinite(data).all():
        raise BadInputError("a spread needs finite values; leave out the items that have none")
    return data
