"""Krippendorff's alpha: agreement of any number of observers beyond chance, missing values allowed."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from millrace.errors import BadInputError
from millrace.records.base import Record
from millrace.statistics.intervals import Estimate, grouped_bootstrap

Metric = Literal["nominal", "ordinal", "interval"]
Value = str | int | float
Units = Sequence[Sequence[Value]]
_Floats = npt.NDArray[np.float64]


class Alpha(Record):
    """Krippendorff's alpha; None needs a reason."""

    value: float | None = Field(le=1, description="1: all agree; 0: as by chance; below: observers differ by system")
    reason: Literal["no_pairs", "one_value"] | None = Field(
        None, description="no_pairs: no unit has two values; one_value: only one value was ever used where two could be"
    )
    n_units: int = Field(ge=0, description="Units with at least two values, which alone count")
    n_values: int = Field(ge=0, description="Values in those units")


def krippendorff_alpha(units: Units, *, metric: Metric = "nominal") -> Alpha:
    """Agreement beyond chance, ``1 - observed disagreement / expected disagreement``.

    Args:
        units: for each unit (a thing that was judged) the values that its observers gave, in any order; who gave
            which does not matter. A missing value is left out; units with fewer than two count for nothing. Memory
            grows with the square of the number of different values.
        metric: how far apart two values are: ``nominal``, equal or not; ``ordinal``, by how many values lie between
            them; ``interval``, the square of their difference. The last two need numbers.

    Returns:
        ``value`` at most 1, unitless; None with reason ``no_pairs`` or ``one_value``.

    Raises:
        BadInputError: a value that the metric cannot compare.

    Source:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C; the metrics are those of its
        section D.
    """
    pairable = [unit for unit in units if len(unit) >= 2]
    scale = _scale(pairable, metric)
    n_values = sum(map(len, pairable))
    if not pairable:
        return Alpha(value=None, reason="no_pairs", n_units=0, n_values=0)
    value = _alpha(_counts(pairable, scale), _positions(scale, metric), metric)
    reason: Literal["one_value"] | None = "one_value" if value is None else None
    return Alpha(value=value, reason=reason, n_units=len(pairable), n_values=n_values)


def alpha_interval(
    units: Units, *, seed: int, metric: Metric = "nominal", n_resamples: int = 2000, confidence: float = 0.95
) -> Estimate:
    """Alpha with a percentile bootstrap that resamples units; chance is estimated anew in each resample.

    Args:
        units, metric: as of :func:`krippendorff_alpha`; the interval depends on the order of units.
        seed, n_resamples, confidence: as of :func:`grouped_bootstrap`.

    Returns:
        ``n`` is the number of units with at least two values. Without such a unit the mean is None with reason
        ``no_items``; with only one value used, ``undefined``; without an interval, ``unstable``.

    Raises:
        BadInputError: a value that the metric cannot compare, too few resamples, a confidence outside (0, 1).
    """
    pairable = [unit for unit in units if len(unit) >= 2]
    scale = _scale(pairable, metric)
    counts, positions = _counts(pairable, scale), _positions(scale, metric)
    names = [f"{number:012d}" for number in range(len(pairable))]  # each unit by itself, in the order given
    return grouped_bootstrap(
        names,
        lambda rows: _alpha(counts[rows], positions, metric),
        seed=seed,
        n_resamples=n_resamples,
        confidence=confidence,
    )


def _scale(units: Units, metric: Metric) -> list[Value]:
    values = {value for unit in units for value in unit}
    unfit = [value for value in values if not _fits(value, metric)]
    if unfit:
        raise BadInputError(f"not comparable by the {metric} metric: {min(map(repr, unfit))}", metric=metric)
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def _fits(value: Value, metric: Metric) -> bool:
    return metric == "nominal" if isinstance(value, str) else math.isfinite(value)


def _counts(units: Units, scale: Sequence[Value]) -> _Floats:
    """How often each unit was given each value, shape (n_units, n_scale)."""
    column = {value: index for index, value in enumerate(scale)}
    counts = np.zeros((len(units), len(scale)))
    for row, unit in enumerate(units):
        for value in unit:
            counts[row, column[value]] += 1
    return counts


def _positions(scale: Sequence[Value], metric: Metric) -> _Floats:
    return np.array(scale, dtype=np.float64) if metric == "interval" else np.arange(len(scale), dtype=np.float64)


def _alpha(counts: _Floats, positions: _Floats, metric: Metric) -> float | None:
    """Alpha of units with at least two values each; None where only one value occurs."""
    totals = counts.sum(axis=0)
    if np.count_nonzero(totals) < 2:
        return None
    distances = _distances(totals, positions, metric)
    # einsum without BLAS: the same sum on every machine
    pairs = np.einsum("uc,uk,u->ck", counts, counts, 1 / (counts.sum(axis=1) - 1), optimize=False)
    observed = float((pairs * distances).sum())  # a value's pairs with itself have no distance
    expected = float((np.outer(totals, totals) * distances).sum()) / (float(totals.sum()) - 1)
    return 1 - observed / expected


def _distances(totals: _Floats, positions: _Floats, metric: Metric) -> _Floats:
    """Squared distance of each two values, shape (n_scale, n_scale)."""
    if metric == "nominal":
        return np.where(positions[:, None] != positions[None, :], 1.0, 0.0)
    # The values from c to k, those at both ends by half, are the distance between the middles of c's and k's ranks.
    places = np.cumsum(totals) - totals / 2 if metric == "ordinal" else positions
    apart: _Floats = places[:, None] - places[None, :]
    return apart * apart
