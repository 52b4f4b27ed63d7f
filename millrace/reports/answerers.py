"""Which of several answerers fails: a model, a prompt, or whatever the application calls what wrote the answer."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from millrace.records.report import AnswererFailures
from millrace.reports.lists import MAX_NAME, MAX_SAMPLE_ROWS, Picked, triaged
from millrace.reports.measures import failed_rows
from millrace.reports.wording import excerpt
from millrace.statistics.counts import value_counts
from millrace.statistics.reported import share_of

MAX_ANSWERERS = 8


def measure_answerers(traces: pa.Table, triage: pa.Table) -> list[AnswererFailures]:
    """Failures as a share of each answerer's traces that triage decided on; empty with fewer than two answerers.

    The order is by the lower end of the interval, so that an answerer of few traces is not first by chance; after the
    first eight all others are one row.

    Args:
        traces: columns trace_id and answered_by of Trace.
        triage: columns trace_id and verdict of TriageRow.
    """
    n_traces = value_counts(traces.column("answered_by"))
    if len(n_traces) < 2:
        return []
    n_triaged = value_counts(_answerers(traces, triage))
    n_failures = value_counts(_answerers(traces, failed_rows(triage)))
    rows = [
        _failures(name, 1, n_failures.get(name, 0), n_triaged.get(name, 0), n) for name, n in sorted(n_traces.items())
    ]
    rows.sort(key=lambda row: (-(row.share.low or 0.0), -row.n_failures))
    first, others = rows[:MAX_ANSWERERS], rows[MAX_ANSWERERS:]
    if not others:
        return first
    n = sum(row.share.n for row in others)
    n_all = n + sum(row.share.n_failed for row in others)
    return [*first, _failures(None, len(others), sum(row.n_failures for row in others), n, n_all)]


def pick_answerers(answerers: Sequence[AnswererFailures], traces: pa.Table, triage: pa.Table) -> list[Picked]:
    """The failures of each row, by its place from 1; decisions do not say who answered, so no command shows them."""
    failed = failed_rows(triage)
    names = _answerers(traces, failed)
    known = pa.array([row.answered_by for row in answerers if row.answered_by is not None], pa.string())
    picked = []
    for place, row in enumerate(answerers, start=1):
        if row.n_failures:
            alone = pc.equal(names, row.answered_by) if row.answered_by is not None else None
            rows = failed.filter(pc.invert(pc.is_in(names, known)) if alone is None else alone)
            title = f"Failures answered by {answerer_name(row)}"
            picked.append(triaged(f"answerer-{place}", title, rows, None, MAX_SAMPLE_ROWS))
    return picked


def answerer_name(row: AnswererFailures) -> str:
    """The name, cut where it is long, or how many others there are."""
    return f"{row.n_answerers} others" if row.answered_by is None else excerpt(row.answered_by, MAX_NAME)


def _answerers(traces: pa.Table, triage: pa.Table) -> pa.ChunkedArray:
    """Who wrote the answer of each decision; null for a trace that is not there."""
    places = pc.index_in(triage.column("trace_id"), value_set=traces.column("trace_id").combine_chunks())
    return traces.column("answered_by").take(places)


def _failures(name: str | None, n_answerers: int, n_failures: int, n_triaged: int, n_traces: int) -> AnswererFailures:
    return AnswererFailures(
        answered_by=name,
        n_answerers=n_answerers,
        n_failures=n_failures,
        share=share_of(n_failures, n_triaged, n_traces - n_triaged),
    )
