"""What users say of traces, put together: the last word of each user, and the ratings of each trace (A19)."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.records.feedback import Feedback

NEUTRAL = 0.5  # a mean rating above it is good, below it bad; three of five stars lie on it
_WHO = ("trace_id", "tenant_id", "user_id")
_RATINGS = pa.schema(
    [
        pa.field("trace_id", pa.string()),
        pa.field("rating", pa.float64()),
        pa.field("n_ratings", pa.int64()),
        pa.field("corrected", pa.bool_()),
        pa.field("n_comments", pa.int64()),
    ]
)


def last_words(feedback: pa.Table) -> pa.Table:
    """One row per trace and user: of rating, correction and comment the last one given.

    Rows without a user are of one user, whoever asked. A later row that leaves something out takes nothing back: a
    comment after a thumbs down keeps the thumb.

    Args:
        feedback: table of Feedback, in the order in which it came; that decides between rows of the same time.

    Returns:
        Table of Feedback, sorted by trace, tenant and user; id and time are those of the last row.
    """
    schema = arrow_schema(Feedback)
    placed = feedback.append_column("place", pa.array(range(feedback.num_rows), pa.int64()))
    ordered = placed.sort_by([("time", "ascending"), ("place", "ascending")]).drop_columns(["place"])
    said = [name for name in schema.names if name not in _WHO]
    # "last" leaves nulls out, and knows an order only without threads
    grouped = ordered.group_by(list(_WHO), use_threads=False).aggregate([(name, "last") for name in said])
    named = pa.table({name: grouped.column(name if name in _WHO else f"{name}_last") for name in schema.names})
    return named.sort_by([(name, "ascending") for name in _WHO]).cast(schema)


def ratings_by_trace(feedback: Iterable[pa.Table]) -> pa.Table:
    """What the users of each trace say together.

    Args:
        feedback: parts of a table of Feedback with one row per trace and user; columns trace_id, rating, correction and
            comment suffice.

    Returns:
        One row per trace, in order of first appearance: ``trace_id``; ``rating``, mean over the users who rated it, 0
        to 1, null when none did; ``n_ratings``; ``corrected``, whether any user wrote a better answer; ``n_comments``.
    """
    parts = [_NOTHING, *(_flags(part) for part in feedback)]
    sums = [("rating", "mean"), ("rating", "count"), ("corrected", "max"), ("commented", "sum")]
    found = pa.concat_tables(parts).group_by("trace_id", use_threads=False).aggregate(sums)
    names = {"rating": "rating_mean", "n_ratings": "rating_count", "corrected": "corrected_max"}
    columns = {"trace_id": "trace_id", **names, "n_comments": "commented_sum"}
    return pa.table({name: found.column(columns[name]).cast(_RATINGS.field(name).type) for name in _RATINGS.names})


def _flags(part: pa.Table) -> pa.Table:
    return pa.table(
        {
            "trace_id": part.column("trace_id"),
            "rating": part.column("rating"),
            "corrected": pc.is_valid(part.column("correction")),
            "commented": pc.is_valid(part.column("comment")).cast(pa.int64()),
        }
    )


_NOTHING = _flags(arrow_schema(Feedback).empty_table())
