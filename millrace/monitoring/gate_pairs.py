"""The rows of one metric in two results, put together by question."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.monitoring.eval_results import EvalResult, MetricMean
from millrace.records.evaluation import MetricStatus
from millrace.records.report import Count
from millrace.statistics.counts import value_counts

Floats = npt.NDArray[np.float64]
STATUSES: tuple[MetricStatus, ...] = ("scored", "undefined", "skipped", "failed")


@dataclass(frozen=True)
class Side:
    """One metric in one result.

    Attributes:
        by_question: columns key and mean, one row for each question with a value; None where there are only means.
        mean: over all rows with a value, or as reported; None without any.
        statuses: rows by status, every status listed; ``reasons``: rows without a value by reason.
        failed: questions on which it was tried in vain, whatever else was tried.
    """

    by_question: pa.Table | None
    mean: float | None
    statuses: list[Count]
    reasons: list[Count]
    sources: list[str]
    failed: pa.Array

    def n(self, status: MetricStatus) -> int:
        return next(each.n for each in self.statuses if each.name == status)

    @property
    def n_tried(self) -> int:
        return self.n("scored") + self.n("failed")


@dataclass(frozen=True)
class Pairs:
    """Questions with a value on both sides, in order of their keys, and how many there are on one side only.

    ``n_lost``: those with a value in the baseline that the candidate was tried on in vain.
    """

    before: Floats
    after: Floats
    n_only_baseline: int
    n_only_candidate: int
    n_lost: int

    @property
    def n(self) -> int:
        return len(self.before)

    @property
    def means(self) -> tuple[float, float]:
        """Of at least one pair; in the order of the values, so that equal ones have equal means."""
        before, after = (float(np.sort(values).mean()) for values in (self.before, self.after))
        return before, after

    @property
    def share_lost(self) -> float:
        """Of the questions with a value in the baseline that the candidate was tried on."""
        return self.n_lost / (self.n + self.n_lost) if self.n_lost else 0.0

    @property
    def has_negative(self) -> bool:
        return bool((self.before < 0).any() or (self.after < 0).any())


def side_of(result: EvalResult, metric: str) -> Side:
    """What a result knows of a metric; of one that it does not have, nothing."""
    if metric in result.means:
        return _side_of_mean(result.means[metric])
    rows = result.of(metric)
    scored = rows.filter(pc.equal(rows.column("status"), "scored"))
    means = scored.select(["question_key", "value"]).group_by("question_key").aggregate([("value", "mean")])
    values = np.sort(scored.column("value").to_numpy())
    failed = rows.filter(pc.equal(rows.column("status"), "failed")).column("question_key")
    return Side(
        by_question=means.rename_columns({"question_key": "key", "value_mean": "mean"}).sort_by("key"),
        mean=float(values.mean()) if len(values) else None,
        statuses=_statuses(value_counts(rows.column("status"))),
        reasons=[Count(name=name, n=n) for name, n in value_counts(rows.column("reason")).items()],
        sources=sorted(pc.unique(scored.column("source")).to_pylist()),
        failed=pc.unique(failed),
    )


def pair(baseline: Side, candidate: Side) -> Pairs | None:
    """The pairs; None where a side has no single values. A question that was asked several times has its mean."""
    if baseline.by_question is None or candidate.by_question is None:
        return None
    first, second = baseline.by_question, candidate.by_question
    both = first.join(second, "key", join_type="inner", right_suffix="_after").sort_by("key")
    gone = pc.and_(
        pc.is_in(first.column("key"), candidate.failed), pc.invert(pc.is_in(first.column("key"), second.column("key")))
    )
    return Pairs(
        before=both.column("mean").to_numpy(),
        after=both.column("mean_after").to_numpy(),
        n_only_baseline=first.num_rows - both.num_rows,
        n_only_candidate=second.num_rows - both.num_rows,
        n_lost=int(pc.sum(gone).as_py() or 0),
    )


def _side_of_mean(known: MetricMean) -> Side:
    return Side(None, known.mean, _statuses(known.statuses), [], [known.source], pa.array([], pa.string()))


def _statuses(counts: Mapping[str, int]) -> list[Count]:
    return [Count(name=status, n=counts.get(status, 0)) for status in STATUSES]
