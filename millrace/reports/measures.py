"""What came in, what failed and how well answers are grounded, computed from columns."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.records.report import (
    Count,
    ExampleTrace,
    Failures,
    FailureShare,
    Groups,
    GroupSummary,
    ScoreDistribution,
    Traffic,
)
from millrace.records.trace import TraceStatus
from millrace.records.triage import FailureType
from millrace.reports.estimates import mean_of, share_of
from millrace.reports.wording import excerpt

N_BINS = 20
MAX_LABEL = 120  # characters


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Occurrences of each value, nulls left out; most frequent first, equal ones by name."""
    pairs = ((row["values"], row["counts"]) for row in pc.value_counts(column).to_pylist())
    known = [(name, count) for name, count in pairs if name is not None]
    return dict(sorted(known, key=lambda pair: (-pair[1], pair[0])))


def counts_of(column: pa.ChunkedArray) -> list[Count]:
    """:func:`value_counts` as records."""
    return [Count(name=name, n=n) for name, n in value_counts(column).items()]


def measure_traffic(traces: pa.Table, skips: pa.Table | None, n_duplicates: int) -> Traffic:
    """Traces by status and tenant, and input rows that became none; every status is listed."""
    by_status = value_counts(traces.column("status"))
    return Traffic(
        n_traces=traces.num_rows,
        statuses=[Count(name=status, n=by_status.get(status, 0)) for status in get_args(TraceStatus)],
        tenants=counts_of(traces.column("tenant_id")),
        n_skipped=0 if skips is None else skips.num_rows,
        skip_reasons=[] if skips is None else counts_of(skips.column("reason")),
        n_duplicates=n_duplicates,
    )


def measure_failures(triage: pa.Table, n_traces: int) -> Failures:
    """Failures by type, as shares of the traces that triage decided on.

    Args:
        triage: table of TriageRow.
        n_traces: traces of the window; those without a decision are counted as failed measurements.

    Raises:
        BadInputError: more decisions than traces.
    """
    n = triage.num_rows
    if n > n_traces:
        raise BadInputError(f"{n} triage rows for {n_traces} traces: they belong to different windows")
    by_type = value_counts(triage.filter(pc.equal(triage.column("verdict"), "failure")).column("failure_type"))
    n_failures = sum(by_type.values())
    rows = [
        FailureShare(failure_type=name, n=by_type.get(name, 0), share=share_of(by_type.get(name, 0), n, n_traces - n))
        for name in get_args(FailureType)
    ]
    return Failures(
        n_triaged=n,
        n_failures=n_failures,
        share=share_of(n_failures, n, n_traces - n),
        by_type=sorted(rows, key=lambda row: -row.n),
    )


def measure_groundedness(scores: pa.Table, threshold: float) -> ScoreDistribution:
    """The histogram of scores in 20 equal bins over [0, 1], their mean, and the share below the threshold.

    Args:
        scores: table of GroundednessScore. Traces without a score are counted by reason; they are no failures of the
            scorer and stay out of ``n``.
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


def summarise_groups(groups: pa.Table, traces: pa.Table, n_largest: int) -> Groups:
    """The largest groups of failures, with excerpts of their example traces; equal sizes by group id.

    Raises:
        BadInputError: an example that is not among the traces.
    """
    rows = sorted(groups.to_pylist(), key=lambda row: (-row["size"], row["group_id"]))[:n_largest]
    examples = _examples(traces, sorted({trace_id for row in rows for trace_id in row["example_trace_ids"]}))
    return Groups(
        n_groups=groups.num_rows,
        largest=[
            GroupSummary(
                group_id=row["group_id"],
                failure_type=row["failure_type"],
                size=row["size"],
                label=excerpt(row["label"], MAX_LABEL),
                tenants=row["tenants"],
                examples=[examples[trace_id] for trace_id in row["example_trace_ids"]],
            )
            for row in rows
        ],
    )


def _examples(traces: pa.Table, trace_ids: Sequence[str]) -> dict[str, ExampleTrace]:
    wanted = pc.is_in(traces.column("trace_id"), pa.array(trace_ids, pa.string()))
    rows = traces.filter(wanted).select(["trace_id", "question", "answer"]).to_pylist()
    found = {
        row["trace_id"]: ExampleTrace(
            trace_id=row["trace_id"],
            question=excerpt(row["question"]),
            answer=None if row["answer"] is None else excerpt(row["answer"]),
        )
        for row in rows
    }
    missing = [trace_id for trace_id in trace_ids if trace_id not in found]
    if missing:
        raise BadInputError(f"group examples that are no traces of the window: {missing}", missing=missing)
    return found
