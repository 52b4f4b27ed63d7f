"""The retrieval canary: the last searches against those before them (A25)."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.monitoring.retrieval_samples import retrieval_samples
from millrace.records.base import Record
from millrace.records.monitoring import CanaryResult, CanaryWindow, WatchStatus
from millrace.statistics.intervals import Estimate, wilson_interval
from millrace.statistics.median_change import relative_median_change
from millrace.statistics.reported import reported

__all__ = ["CanaryConfig", "retrieval_samples", "watch_retrieval"]

Floats = npt.NDArray[np.float64]


class CanaryConfig(Record):
    """The two windows, and what is too much."""

    n_current: int = Field(1_000, ge=1, description="Last searches")
    n_baseline: int = Field(7_000, ge=1, description="Searches before those")
    min_current: int = Field(100, ge=2, description="Fewer say nothing")
    min_baseline: int = Field(300, ge=2, description="Fewer make no baseline")
    max_p50_drop: float = Field(0.10, gt=0, lt=1, description="Relative drop of the median score that is critical")
    max_empty_share: float = Field(0.05, gt=0, lt=1, description="Share of searches without a result that is critical")
    seed: int = Field(0, ge=0, description="Of the bootstrap")


class _Finding(NamedTuple):
    status: Literal["warning", "critical"]
    sentence: str


def watch_retrieval(samples: pa.Table, config: CanaryConfig) -> CanaryResult:
    """Compare the last searches with the baseline before them.

    The current window is the last ``n_current`` samples by time, ties by id; the baseline the ``n_baseline`` before it.
    Where there are not so many, both shrink in proportion (to 1 : 7), the current one not below ``min_current``. A
    trace that occurs twice counts once.

    ``critical``: the median score is more than ``max_p50_drop`` lower than the baseline's, and the 95 % interval of the
    change (bootstrap) lies below 0, so that the drop is not chance; or more than ``max_empty_share`` of the current
    searches found nothing, and the lower end of the 95 % interval (Wilson) lies above it. ``warning``: one of the two
    is beyond its bound, but not proven. ``not_enough``: neither, and one of the two could not be looked at. The source
    knows only the bounds; at 1 000 searches of which 5 % find nothing it would be critical every other day.

    Intervals take searches as independent; users who ask the same again make them a little too narrow.

    Args:
        samples: table of RetrievalSample of any days, in any order.
    """
    current, baseline = _windows(samples, config)
    before, now = _scores(baseline), _scores(current)
    change = relative_median_change(before, now, seed=config.seed)
    empty = wilson_interval(_n_empty(current), current.num_rows)
    missing = list(_missing(current, baseline, change, config))
    findings = [
        *(_drop(change, config) if not missing else ()),
        *(_empty(empty, config) if current.num_rows >= config.min_current else ()),
    ]
    statuses = {finding.status for finding in findings}
    otherwise: WatchStatus = "not_enough" if missing else "ok"
    return CanaryResult(
        status="critical" if "critical" in statuses else "warning" if statuses else otherwise,
        reasons=[*(finding.sentence for finding in findings), *missing],
        current=_window(current),
        baseline=_window(baseline),
        p50_change=None if baseline.num_rows == 0 else reported(change),
        empty_share=reported(empty),
    )


def _windows(samples: pa.Table, config: CanaryConfig) -> tuple[pa.Table, pa.Table]:
    ordered = _once(samples.sort_by([("time", "ascending"), ("trace_id", "ascending")]))
    n = ordered.num_rows
    share = n * config.n_current // (config.n_current + config.n_baseline)
    n_current = min(config.n_current, max(config.min_current, share), n)
    start = max(0, n - n_current - config.n_baseline)
    return ordered.slice(n - n_current), ordered.slice(start, n - n_current - start)


def _once(ordered: pa.Table) -> pa.Table:
    """Each trace's last row."""
    rows = pa.table({"id": ordered.column("trace_id"), "row": np.arange(ordered.num_rows)})
    last = rows.group_by("id").aggregate([("row", "max")]).column("row_max").to_numpy()
    return ordered if len(last) == ordered.num_rows else ordered.take(np.sort(last))


def _scores(window: pa.Table) -> Floats:
    scores: Floats = window.column("top_score").drop_null().to_numpy().astype(np.float64)
    return scores


def _n_empty(window: pa.Table) -> int:
    return int(pc.sum(pc.equal(window.column("n_contexts"), 0)).as_py() or 0)


def _window(window: pa.Table) -> CanaryWindow:
    scores = np.sort(_scores(window))
    p50, p95 = (None, None) if len(scores) == 0 else (float(value) for value in np.quantile(scores, [0.5, 0.95]))
    times = pc.min_max(window.column("time")).as_py()
    return CanaryWindow(
        n=window.num_rows,
        n_empty=_n_empty(window),
        n_scored=len(scores),
        p50=p50,
        p95=p95,
        mean=float(scores.mean()) if len(scores) else None,
        time_from=times["min"],
        time_to=times["max"],
    )


def _drop(change: Estimate, config: CanaryConfig) -> Iterator[_Finding]:
    if change.mean is None or change.low is None or change.high is None or change.mean >= -config.max_p50_drop:
        return
    proven = change.high < 0
    yield _Finding(
        "critical" if proven else "warning",
        f"The median retrieval score is {-change.mean:.1%} lower than before (95 % interval of the change "
        f"{change.low:+.1%} to {change.high:+.1%}; bound {config.max_p50_drop:.0%}"
        + (")." if proven else "), which may be chance."),
    )


def _empty(share: Estimate, config: CanaryConfig) -> Iterator[_Finding]:
    if share.mean is None or share.low is None or share.high is None or share.mean <= config.max_empty_share:
        return
    proven = share.low > config.max_empty_share
    yield _Finding(
        "critical" if proven else "warning",
        f"{share.mean:.1%} of the last {share.n} searches found nothing (95 % interval {share.low:.1%} to "
        f"{share.high:.1%}; bound {config.max_empty_share:.0%}" + (")." if proven else "), which may be chance."),
    )


def _missing(current: pa.Table, baseline: pa.Table, change: Estimate, config: CanaryConfig) -> Iterator[str]:
    """Why the medians are not compared."""
    n_now, n_before = len(_scores(current)), len(_scores(baseline))
    if current.num_rows < config.min_current:
        yield f"{current.num_rows} searches are not enough; {config.min_current} are needed."
    elif n_now < config.min_current or n_before < config.min_baseline:
        yield (
            f"Medians were not compared: {n_now} of {current.num_rows} searches have a score "
            f"({config.min_current} are needed), and {n_before} of {baseline.num_rows} before "
            f"({config.min_baseline} are needed)."
        )
    elif change.mean is None:
        yield "The median score before is 0, so there is no relative change."
