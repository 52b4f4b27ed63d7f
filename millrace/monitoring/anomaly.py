"""Which figures of a day do not fit the days before: robust z, interquartile range, change of level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator
from scipy import stats

from millrace.monitoring.daily_series import DailySeries, daily_series
from millrace.monitoring.sampling_noise import SamplingNoise, sampling_noise
from millrace.records.base import Identifier, Record
from millrace.records.monitoring import Anomaly, DayFigure
from millrace.statistics.change_point import level_shift
from millrace.statistics.outliers import (
    Spread,
    robust_spread,
    robust_z_bound,
    robust_z_p_value,
    tail_degrees,
    tukey_fences,
)

_MOST_Z = 100.0  # a scale of 0 makes any z infinite


class AnomalyConfig(Record):
    """How far a figure must be out. The defaults are strict: sixty figures a day are sixty chances to be wrong."""

    n_days: int = Field(42, ge=7, le=366, description="Calendar days before that a figure is held against")
    min_days: int = Field(14, ge=5, description="Least number of them with a value; other figures are not looked at")
    false_alarm_rate: float = Field(
        0.02, gt=0, lt=1, description="Chance of a false outlier on a quiet day, over all figures together"
    )
    iqr_factor: float = Field(
        3.5, gt=0, description="Interquartile ranges outside the quartiles; for 42 days, fewer get wider fences"
    )
    change_p_value: float = Field(0.0001, gt=0, lt=1, description="Of a change of level, for each figure")
    shortest_change: int = Field(3, ge=2, description="Days that a new level must have lasted")
    longest_change: int = Field(14, ge=2, description="Days after which a new level is not new any more")
    min_relative_change: float = Field(
        0.02, ge=0, description="Smaller changes, relative to what was expected, are never reported"
    )
    ignored: list[Identifier] = Field(["evaluation/anomalies"], description="Names of figures that are left out")

    @model_validator(mode="after")
    def _lengths_in_order(self) -> Self:
        if self.longest_change < self.shortest_change:
            raise ValueError("longest_change must be at least shortest_change")
        return self


@dataclass(frozen=True, eq=False)
class _Looked:
    """A series, its usual spread, and how far out today is; ``tails`` are those of all series of the day together."""

    series: DailySeries
    noise: SamplingNoise
    spread: Spread
    tails: float

    @property
    def scale(self) -> float:
        return max(self.spread.scale, self.noise.deviation)

    @property
    def z(self) -> float:
        away = abs(self.series.deviation)
        return min(_MOST_Z, away / self.scale) if self.scale > 0 else _MOST_Z * (away > 0)

    @property
    def p_value(self) -> float:
        """Of the better of both explanations, spread and noise."""
        if self.spread.source != "mad" and _was_there_before(self.series):
            return 1.0
        return max(robust_z_p_value(self.z, self.spread.n, self.tails), self.noise.p_value)


def find_anomalies(today: Sequence[DayFigure], earlier: pa.Table, config: AnomalyConfig) -> list[Anomaly]:
    """Figures that do not fit the days before, by name and label; an outlier comes before a change of level.

    A figure of today is an outlier (``robust_z``) when neither the spread of the days before nor the number of items
    behind it explains it: its p-value is the larger of that of its robust z and that of :func:`sampling_noise`. How
    long the tails of robust z are is learned from all series together.
    Benjamini and Hochberg's procedure over all figures of the day keeps the chance of any false one at
    ``false_alarm_rate`` when nothing happened, and the expected share of false ones below it otherwise. One that only
    the interquartile range finds, because the figure is spread unevenly to both sides, is reported as ``iqr``.

    A change of level (``change_point``) is sought in the days before and today together; it must have lasted
    ``shortest_change`` days and be proven by ranks. A figure can be reported for both.

    See :class:`DailySeries` for weekdays and logarithms. Values that are not reported: figures without a value today,
    with too few days, or of ``ignored``. Days that are missing are no obstacle.

    Args:
        today: figures of one day.
        earlier: table of DayFigure, of any days; see ``daily_series``.

    Raises:
        BadInputError: a day that is none, figures of several days, or one figure twice.

    Source:
        Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57(1), 289-300; the maximum of p-values for what two
        explanations must both fail to explain: Berger (1982), Technometrics 24(4), 295-300.
    """
    found = daily_series(today, earlier, n_days=config.n_days, min_days=config.min_days, ignored=tuple(config.ignored))
    looked = _look(found)
    p_values = [1.0 if _is_small(each.series, config) else each.p_value for each in looked]
    bound = _p_value_bound(p_values, config.false_alarm_rate)
    return [
        anomaly
        for each, p_value in zip(looked, p_values, strict=True)
        for anomaly in (*_outlier(each, p_value, bound, config), *_change(each.series, config))
    ]


def _look(found: Sequence[DailySeries]) -> list[_Looked]:
    spreads = [robust_spread(series.residuals) for series in found]
    tails = tail_degrees(
        [series.residuals for series, spread in zip(found, spreads, strict=True) if spread.source == "mad"]
    )
    return [
        _Looked(series, sampling_noise(series), spread, tails) for series, spread in zip(found, spreads, strict=True)
    ]


def _is_small(series: DailySeries, config: AnomalyConfig) -> bool:
    expected = series.raw(0.0)
    return abs(series.value - expected) < config.min_relative_change * abs(expected)


def _was_there_before(series: DailySeries) -> bool:
    """A scale from days that were nearly all equal is no scale for the few others."""
    return bool(series.values.min() <= series.value <= series.values.max())


def _p_value_bound(p_values: Sequence[float], rate: float) -> float:
    """The largest p-value that stands out; if none does, the one that would have."""
    if not p_values:
        return rate
    adjusted = stats.false_discovery_control(p_values, method="bh")
    n_out = int((adjusted <= rate).sum())
    return rate * max(1, n_out) / len(p_values)


def _outlier(looked: _Looked, p_value: float, bound: float, config: AnomalyConfig) -> Iterator[Anomaly]:
    series = looked.series
    if p_value <= bound:
        reach = robust_z_bound(bound, looked.spread.n, looked.tails) * looked.scale
        yield _reported(series, "robust_z", looked.z, (-reach, reach))
        return
    fences = tukey_fences(series.residuals, config.iqr_factor, looked.tails)
    width = fences.q3 - fences.q1
    outside = max(series.deviation - fences.q3, fences.q1 - series.deviation)
    is_out = width > 0 and not fences.low <= series.deviation <= fences.high
    if is_out and looked.noise.p_value <= bound and not _is_small(series, config):
        yield _reported(series, "iqr", min(_MOST_Z, outside / width), (fences.low, fences.high))


def _reported(
    series: DailySeries, method: Literal["robust_z", "iqr"], score: float, bounds: tuple[float, float]
) -> Anomaly:
    return Anomaly(
        day=series.today.day,
        figure=series.today.name,
        label=series.today.label,
        method=method,
        value=series.value,
        expected=series.raw(0.0),
        low=series.raw(bounds[0]),
        high=series.raw(bounds[1]),
        score=score,
        since=series.today.day,
        n_days=len(series.days),
    )


def _change(series: DailySeries, config: AnomalyConfig) -> Iterator[Anomaly]:
    whole = np.append(series.residuals, series.deviation)
    shift = level_shift(whole, shortest=config.shortest_change, longest=config.longest_change)
    if shift is None or shift.p_value > config.change_p_value:
        return
    before, after = series.raw(shift.before), series.raw(shift.after)
    if abs(after - before) < config.min_relative_change * abs(before):
        return
    yield Anomaly(
        day=series.today.day,
        figure=series.today.name,
        label=series.today.label,
        method="change_point",
        value=series.value,
        expected=before,
        score=float(-np.log10(shift.p_value)),
        since=series.days[shift.start],
        n_days=shift.start,
    )
