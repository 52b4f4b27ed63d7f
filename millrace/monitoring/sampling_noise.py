"""How far a day's figure can be off because few items are behind it."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from millrace.monitoring.daily_series import DailySeries
from millrace.monitoring.figures import FIGURES

_WHOLE = 1e-6  # a share times its items is a whole number of items up to this
_INTERVAL_SDS = 2 * 1.959964  # standard errors between the ends of a 95 % interval


class SamplingNoise(NamedTuple):
    """``p_value``: of the figure if nothing changed but the items that were drawn, 0 where nothing is known of it;
    ``deviation``: its standard deviation on the scale of the series, 0 where it is not known.
    """

    p_value: float
    deviation: float


def sampling_noise(series: DailySeries) -> SamplingNoise:
    """What the items behind today's figure allow.

    - A share of counted items: the exact (hypergeometric) test against the items of all comparable days together,
      both sides; deviation of a binomial share.
    - A count: Poisson with the mean of the comparable days.
    - Another figure with an interval: normal, with the standard error that the interval tells.
    - Other figures: nothing is known.
    """
    figure = FIGURES.get(series.today.name)
    if figure is not None and figure.unit == "count":
        return _count(series)
    if figure is not None and figure.unit == "ratio" and _is_counted(series):
        return _share(series)
    low, high = series.today.low, series.today.high
    if low is None or high is None or high <= low:
        return SamplingNoise(0.0, 0.0)
    if series.is_log:
        low, high = float(np.log(max(low, 1e-12))), float(np.log(high))
    error = (high - low) / _INTERVAL_SDS
    return SamplingNoise(float(2 * stats.norm.sf(abs(series.deviation) / error)), error)


def _is_counted(series: DailySeries) -> bool:
    """Whether all figures are numbers of items divided by ``n``."""
    values = np.append(series.values[series.comparable], series.value)
    sizes = np.append(series.sizes[series.comparable], series.today.n)
    counts = values * sizes
    inside = (values >= 0).all() and (values <= 1).all() and (sizes >= 1).all()
    return bool(inside and series.today.low is not None and (np.abs(counts - np.round(counts)) <= _WHOLE).all())


def _share(series: DailySeries) -> SamplingNoise:
    n = series.today.n
    hits = round(series.value * n)
    sizes = series.sizes[series.comparable]
    earlier, n_earlier = (
        int(np.round(series.values[series.comparable] * sizes).sum()),
        int(sizes.sum()),
    )
    drawn = stats.hypergeom(n + n_earlier, hits + earlier, n)
    p_value = 2 * min(float(drawn.cdf(hits)), float(drawn.sf(hits - 1)))
    share = (earlier + 0.5) / (n_earlier + 1)
    return SamplingNoise(min(1.0, p_value), float(np.sqrt(share * (1 - share) / n)))


def _count(series: DailySeries) -> SamplingNoise:
    mean = float(np.sort(series.values[series.comparable]).mean())
    p_value = 2 * min(float(stats.poisson.cdf(series.value, mean)), float(stats.poisson.sf(series.value - 1, mean)))
    deviation = float(np.sqrt(max(mean, 1.0)))
    return SamplingNoise(min(1.0, p_value), 1 / deviation if series.is_log else deviation)
