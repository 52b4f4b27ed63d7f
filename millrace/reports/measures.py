"""What came in, what failed and how well answers are grounded, computed from columns."""

from collections.abc import Mapping
from datetime import datetime
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.records.report import Count, Failures, FailureShare, ScoreDistribution, Traffic, TriageConfidence
from millrace.records.trace import TraceStatus
from millrace.records.triage import FailureType
from millrace.statistics.counts import value_counts
from millrace.statistics.reported import mean_of, share_of

N_BINS = 20
SURE = 0.5  # a decision less likely right than this one is a guess


def counts_of(column: pa.ChunkedArray) -> list[Count]:
    """:func:`value_counts` as records."""
    return [Count(name=name, n=n) for name, n in value_counts(column).items()]


def measure_traffic(
    traces: pa.Table, skips: pa.Table | None, *, week_begins: datetime, n_duplicates: int, n_outside: int
) -> Traffic:
    """Traces by status and tenant, and input rows that became none; every status is listed.

    Args:
        traces: columns status and tenant_id; with ``time`` those of earlier weeks are counted.
        skips: column reason.
    """
    by_status = value_counts(traces.column("status"))
    late = 0
    if "time" in traces.column_names:
        late = pc.sum(pc.less(traces.column("time"), pa.scalar(week_begins, pa.timestamp("us", "UTC")))).as_py() or 0
    return Traffic(
        n_traces=traces.num_rows,
        statuses=[Count(name=status, n=by_status.get(status, 0)) for status in get_args(TraceStatus)],
        tenants=counts_of(traces.column("tenant_id")),
        n_skipped=0 if skips is None else skips.num_rows,
        skip_reasons=[] if skips is None else counts_of(skips.column("reason")),
        n_duplicates=n_duplicates,
        n_late=late,
        n_outside=n_outside,
    )


def measure_failures(triage: pa.Table, n_traces: int) -> Failures:
    """Failures by type, as shares of the traces that triage decided on.

    Args:
        triage: columns verdict and failure_type of TriageRow.
        n_traces: traces of the window; those without a decision are counted as failed measurements.

    Raises:
        BadInputError: more decisions than traces.
    """
    n = triage.num_rows
    if n > n_traces:
        raise BadInputError(f"{n} triage rows for {n_traces} traces: they belong to different windows")
    by_type = value_counts(failed_rows(triage).column("failure_type"))
    return failure_shares(by_type, n, n_traces - n)


def failure_shares(by_type: Mapping[str, int], n_triaged: int, n_undecided: int = 0) -> Failures:
    """Counts as shares, the most frequent type first, equal ones in the order in which the types are declared."""
    n_failures = sum(by_type.values())
    rows = [
        FailureShare(
            failure_type=name,
            n=by_type.get(name, 0),
            share=share_of(by_type.get(name, 0), n_triaged, n_undecided),
        )
        for name in get_args(FailureType)
    ]
    return Failures(
        n_triaged=n_triaged,
        n_failures=n_failures,
        share=share_of(n_failures, n_triaged, n_undecided),
        by_type=sorted(rows, key=lambda row: -row.n),
    )


def failed_rows(triage: pa.Table) -> pa.Table:
    """The failures among triage's decisions."""
    return triage.filter(pc.equal(triage.column("verdict"), "failure"))


def measure_confidence(triage: pa.Table) -> TriageConfidence:
    """How sure triage is of its failures.

    Args:
        triage: columns verdict, confidence and confidence_basis of TriageRow; without the latter two nothing is
            calibrated.
    """
    failed = failed_rows(triage)
    if "confidence" not in failed.column_names:
        return TriageConfidence(mean=mean_of(np.empty(0)), n_unsure=0, bases=[])
    values = np.asarray(failed.column("confidence").drop_null().to_numpy(), dtype=np.float64)
    mean = mean_of(values)
    return TriageConfidence(
        mean=mean.model_copy(update={"n_failed": failed.num_rows - len(values)}),
        n_unsure=int(np.count_nonzero(values < SURE)),
        bases=counts_of(failed.column("confidence_basis")),
    )


def measure_groundedness(scores: pa.Table, threshold: float) -> ScoreDistribution:
    """The histogram of scores in 20 equal bins over [0, 1], their mean, and the share below the threshold.

    Args:
        scores: columns score, source and reason of GroundednessScore. Traces without a score are counted by reason;
            they are no failures of the scorer and stay out of ``n``.
    """
    column = scores.column("score")
    values = np.asarray(column.drop_null().to_numpy(), dtype=np.float64)
    counts, edges = np.histogram(values, bins=N_BINS, range=(0.0, 1.0))
    undefined = scores.filter(column.is_null()).column("reason")
    return ScoreDistribution(
        edges=[round(float(edge), 6) for edge in edges],
        counts=[int(count) for count in counts],
        n_scored=len(values),
        undefined=counts_of(undefined),
        mean=mean_of(values),
        threshold=threshold,
        below=share_of(int(np.count_nonzero(values < threshold)), len(values)),
    )
