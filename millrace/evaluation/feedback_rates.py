"""How users rate the answers of a window (A19)."""

import pyarrow as pa
import pyarrow.compute as pc

from millrace.methods.feedback import NEUTRAL, ratings_by_trace
from millrace.records.monitoring import FeedbackRates
from millrace.statistics.reported import share_of


def feedback_rates(traces: pa.Table, feedback: pa.Table) -> FeedbackRates:
    """Shares over traces, so that ten users of one answer weigh no more than one user of another.

    A trace is rated good when the mean rating of its users is above .5: two users at odds, or three stars of five, are
    rated and not good.

    Args:
        traces: column trace_id, each id once.
        feedback: columns trace_id, rating, correction and comment of Feedback, one row per trace and user; feedback on
            other traces is left out.

    Returns:
        Shares with Wilson intervals at 95 %, traces taken as independent; ``positive`` is undefined (``no_items``)
        when nothing was rated, ``coverage`` when there are no traces.
    """
    known = feedback.filter(pc.is_in(feedback.column("trace_id"), traces.column("trace_id").combine_chunks()))
    by_trace = ratings_by_trace([known])
    ratings = by_trace.column("rating")
    n_rated = len(ratings) - ratings.null_count
    n_good = pc.sum(pc.greater(ratings, NEUTRAL)).as_py() or 0
    return FeedbackRates(
        n_traces=traces.num_rows,
        n_rated=n_rated,
        positive=share_of(n_good, n_rated),
        coverage=share_of(n_rated, traces.num_rows),
        n_corrections=pc.sum(by_trace.column("corrected")).as_py() or 0,
        n_comments=pc.sum(by_trace.column("n_comments")).as_py() or 0,
    )
