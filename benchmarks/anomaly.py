"""False alarms and power of the watch over daily figures, by simulation: sixty figures, sixty earlier days, then days.

Run: ``python -m benchmarks.anomaly``. Series are of one kind at a time; each day is judged against the days before it,
as the flow does. Everything is seeded.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.tables import table
from millrace.datasets.schema import arrow_schema
from millrace.monitoring.anomaly import AnomalyConfig, find_anomalies
from millrace.records.monitoring import Anomaly, DayFigure
from millrace.statistics.intervals import wilson_interval

Floats = npt.NDArray[np.float64]
Maker = Callable[[np.random.Generator, tuple[int, int]], Floats]

N_SERIES, N_EARLIER, N_QUIET, N_RUNS = 60, 60, 20, 6
N_JUMPS = 8  # of the series move on the day, the other ones stay
FIRST_DAY = date(2026, 1, 1)
JUMPS = (1.0, 2.0, 3.0, 5.0, 8.0)
LASTED = (1, 3, 5, 7)
POWER_OF = ("normal", "autocorrelated (.6)", "binomial, 2 % of 200")


class Kind(NamedTuple):
    """How quiet days of a figure come about: ``make`` gives values of mean 0 and standard deviation 1, or shares."""

    figure: str
    make: Maker
    n_items: int | None = None


def run() -> str:
    """Two Markdown tables: false alarms of quiet days, and the share of jumps that are found."""
    began = time.perf_counter()
    quiet = table(
        ["days of", "runs of 20 days", "false outliers (z)", "false (IQR)", "false changes of level",
         "false in 20 days (z and IQR; all)", "runs without any", "one figure and day"],
        [_quiet(name, kind) for name, kind in KINDS.items()],
    )  # fmt: skip
    power = table(
        ["days of", "jump, sd", "n", *(f"found on day {day}" for day in LASTED)],
        [
            row
            for name in ("normal", "autocorrelated (.6)", "binomial, 2 % of 200")
            for row in _power(name, KINDS[name])
        ],
    )
    seconds = time.perf_counter() - began
    return f"{quiet}\n\n{power}\n\n{_time()} Whole simulation: {seconds:.0f} s."


def _normal(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return random.normal(size=shape)


def _long_tailed(degrees: int) -> Maker:
    return lambda random, shape: random.standard_t(degrees, size=shape) * np.sqrt((degrees - 2) / degrees)


def _autocorrelated(share: float) -> Maker:
    def make(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
        values = random.normal(size=shape)
        for day in range(1, shape[1]):
            values[:, day] = share * values[:, day - 1] + np.sqrt(1 - share * share) * values[:, day]
        return values

    return make


def _weekly(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    weekend = np.array([(FIRST_DAY + timedelta(days=day)).weekday() >= 5 for day in range(shape[1])])
    return random.normal(size=shape) - 8.0 * weekend


def _binomial(share: float, n_items: int) -> Maker:
    return lambda random, shape: random.binomial(n_items, share, size=shape) / n_items


def _counts(mean: float) -> Maker:
    return lambda random, shape: random.poisson(mean, size=shape).astype(np.float64)


_MEAN = "retrieval/top_score_mean"
_SHARE = "pipeline/failed_share"
KINDS: Mapping[str, Kind] = {
    "normal": Kind(_MEAN, _normal),
    "long-tailed (t, 5)": Kind(_MEAN, _long_tailed(5)),
    "long-tailed (t, 3)": Kind(_MEAN, _long_tailed(3)),
    "autocorrelated (.3)": Kind(_MEAN, _autocorrelated(0.3)),
    "autocorrelated (.6)": Kind(_MEAN, _autocorrelated(0.6)),
    "weekends 8 sd lower": Kind(_MEAN, _weekly),
    "binomial, 2 % of 200": Kind(_SHARE, _binomial(0.02, 200), 200),
    "binomial, .1 % of 200": Kind(_SHARE, _binomial(0.001, 200), 200),
    "binomial, 50 % of 20": Kind(_SHARE, _binomial(0.5, 20), 20),
    "counts, Poisson 3": Kind("feedback/corrections", _counts(3.0)),
    "counts, Poisson 500": Kind("pipeline/traces", _counts(500.0)),
}


def _figures(kind: Kind, values: Floats, first: int = 0) -> list[DayFigure]:
    """Values of shape (n_series, n_days) as figures, days counted from ``first``."""
    days = [(FIRST_DAY + timedelta(days=first + day)).isoformat() for day in range(values.shape[1])]
    return [
        _figure(kind, days[day], str(series), float(values[series, day]))
        for day in range(values.shape[1])
        for series in range(values.shape[0])
    ]


def _figure(kind: Kind, day: str, label: str, value: float) -> DayFigure:
    if kind.n_items is None:
        scaled = value if kind.figure != _MEAN else 0.6 + 0.05 * value
        return DayFigure(day=day, name=kind.figure, label=label, value=scaled, n=500)
    interval = wilson_interval(round(value * kind.n_items), kind.n_items)
    return DayFigure(
        day=day, name=kind.figure, label=label, value=value, low=interval.low, high=interval.high, n=kind.n_items
    )


def _table_of(figures: Sequence[DayFigure]) -> pa.Table:
    return pa.Table.from_pylist([figure.model_dump() for figure in figures], schema=arrow_schema(DayFigure))


def _day_by_day(kind: Kind, values: Floats, days: Sequence[int]) -> list[list[Anomaly]]:
    """The anomalies of each of these days."""
    rows, n_series = _figures(kind, values), values.shape[0]
    whole = _table_of(rows)
    return [
        find_anomalies(rows[day * n_series : (day + 1) * n_series], whole.slice(0, day * n_series), AnomalyConfig())
        for day in days
    ]


def _quiet(name: str, kind: Kind) -> list[str]:
    counts: dict[str, int] = {"robust_z": 0, "iqr": 0, "change_point": 0}
    n_clean = 0
    for seed in range(N_RUNS):
        values = kind.make(np.random.default_rng(seed), (N_SERIES, N_EARLIER + N_QUIET))
        found = _day_by_day(kind, values, range(N_EARLIER, N_EARLIER + N_QUIET))
        for anomaly in [each for day in found for each in day]:
            counts[anomaly.method] += 1
        n_clean += not any(found)
    outliers = counts["robust_z"] + counts["iqr"]
    in_all = outliers + counts["change_point"]
    return [
        name,
        str(N_RUNS),
        *(str(counts[method]) for method in ("robust_z", "iqr", "change_point")),
        f"{outliers / N_RUNS:.2f}; {in_all / N_RUNS:.2f}",
        _share(n_clean, N_RUNS),
        _share(in_all, N_RUNS * N_QUIET * N_SERIES, digits=5),
    ]


def _power(name: str, kind: Kind) -> list[list[str]]:
    return [_found(name, kind, jump) for jump in JUMPS]


def _found(name: str, kind: Kind, jump: float) -> list[str]:
    """Of series that move and stay there, the share that is reported on the first, third ... day of the new level."""
    hits = dict.fromkeys(LASTED, 0)
    for seed in range(N_RUNS):
        random = np.random.default_rng(1_000 + seed)
        values = kind.make(random, (N_SERIES, N_EARLIER + max(LASTED)))
        values[:N_JUMPS, N_EARLIER:] += jump
        if kind.n_items is not None:
            values[:N_JUMPS, N_EARLIER:] = _moved_share(random, kind, jump, (N_JUMPS, max(LASTED)))
        for lasted, found in zip(
            LASTED, _day_by_day(kind, values, [N_EARLIER + day - 1 for day in LASTED]), strict=True
        ):
            hits[lasted] += len({each.label for each in found} & {str(series) for series in range(N_JUMPS)})
    n = N_RUNS * N_JUMPS
    return [name, f"{jump:g}", str(n), *(_share(hits[day], n) for day in LASTED)]


def _moved_share(random: np.random.Generator, kind: Kind, jump: float, shape: tuple[int, int]) -> Floats:
    n_items = kind.n_items or 1
    share = 0.02 + jump * np.sqrt(0.02 * 0.98 / n_items)
    return random.binomial(n_items, share, size=shape) / n_items


def _share(n: int, total: int, digits: int = 2) -> str:
    found = wilson_interval(n, total)
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _time() -> str:
    kind = KINDS["normal"]
    rows = _figures(kind, kind.make(np.random.default_rng(0), (N_SERIES, N_EARLIER + 1)))
    earlier = _table_of(rows[:-N_SERIES])
    began = time.perf_counter()
    for _ in range(10):
        find_anomalies(rows[-N_SERIES:], earlier, AnomalyConfig())
    return f"{(time.perf_counter() - began) * 100:.0f} ms for a day of {N_SERIES} figures after {N_EARLIER} days."


if __name__ == "__main__":
    print(run())
