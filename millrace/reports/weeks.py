"""One week in numbers, for the weeks after it."""

import numpy as np
import pyarrow as pa

from millrace.records.week import TypeCount, WeekFacts
from millrace.records.window import Window
from millrace.reports.measures import measure_failures
from millrace.statistics.reported import mean_of


def week_facts(window: Window, triage: pa.Table, scores: pa.Table, n_traces: int) -> WeekFacts:
    """The week's failures by type and its mean groundedness.

    Args:
        triage: columns verdict and failure_type of TriageRow.
        scores: column score of GroundednessScore, null where undefined.
        n_traces: traces of the window, triaged or not.
    """
    failures = measure_failures(triage, n_traces)
    values = np.asarray(scores.column("score").drop_null().to_numpy(), dtype=np.float64)
    mean = mean_of(values)
    return WeekFacts(
        week=window.name,
        start=window.start,
        end=window.end,
        time_zone=window.time_zone,
        n_traces=n_traces,
        n_triaged=failures.n_triaged,
        failures=[TypeCount(failure_type=row.failure_type, n=row.n) for row in failures.by_type if row.n],
        n_scored=mean.n,
        groundedness_mean=mean.mean,
        groundedness_low=mean.low,
        groundedness_high=mean.high,
    )
