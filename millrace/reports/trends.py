"""The weeks before this one, and this one after them."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from millrace.records.report import FailureChange, Failures, ReportedEstimate, WeekNumbers
from millrace.reports.measures import failure_shares
from millrace.statistics.reported import difference_of

N_WEEKS = 26  # half a year: more cannot be told apart in a plot


def measure_weeks(
    earlier: pa.Table | None, *, week: str, n_traces: int, failures: Failures, groundedness: ReportedEstimate
) -> list[WeekNumbers]:
    """Earlier weeks, oldest first, then this one; at most half a year.

    Args:
        earlier: table of WeekFacts in any order; a row of this very week is left out, as an earlier run left it.
        week, n_traces, failures, groundedness: this week's.
    """
    now = WeekNumbers(week=week, n_traces=n_traces, failures=failures, groundedness=groundedness)
    return [*earlier_weeks(earlier, week), now][-N_WEEKS:]


def earlier_weeks(earlier: pa.Table | None, week: str) -> list[WeekNumbers]:
    """The weeks of a table of WeekFacts, oldest first, without the one of that name."""
    rows = [] if earlier is None else sorted(earlier.to_pylist(), key=lambda row: (row["start"], row["week"]))
    return [_numbers(row) for row in rows if row["week"] != week]


def measure_changes(weeks: Sequence[WeekNumbers]) -> list[FailureChange]:
    """The last of the weeks against the one before it: all failures, then every type; empty without an earlier week."""
    if len(weeks) < 2:
        return []
    before, now = weeks[-2].failures, weeks[-1].failures
    n_before = {row.failure_type: row.n for row in before.by_type}
    all_of_them = difference_of((before.n_failures, before.n_triaged), (now.n_failures, now.n_triaged))
    return [
        FailureChange(failure_type=None, difference=all_of_them),
        *(
            FailureChange(
                failure_type=row.failure_type,
                difference=difference_of((n_before[row.failure_type], before.n_triaged), (row.n, now.n_triaged)),
            )
            for row in now.by_type
        ),
    ]


def _numbers(row: dict[str, Any]) -> WeekNumbers:
    by_type = {count["failure_type"]: count["n"] for count in row["failures"]}
    return WeekNumbers(
        week=row["week"],
        n_traces=row["n_traces"],
        failures=failure_shares(by_type, row["n_triaged"], row["n_traces"] - row["n_triaged"]),
        groundedness=_mean(row),
    )


def _mean(row: dict[str, Any]) -> ReportedEstimate:
    mean, low, high = (row[f"groundedness_{name}"] for name in ("mean", "low", "high"))
    reason = None
    if mean is None:
        reason = "no_items"
    elif low is None or high is None:
        reason = "one_item" if row["n_scored"] == 1 else "no_interval"
    return ReportedEstimate(mean=mean, low=low, high=high, n=row["n_scored"], method="student_t", reason=reason)
