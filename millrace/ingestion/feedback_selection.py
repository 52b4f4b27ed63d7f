"""Picks the feedback on given traces out of whole datasets, which may have come days after the traces."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.methods.feedback import last_words

MAX_ROWS = 100_000  # held in memory at once, unless users say more of a single trace
_COUNTED_AT_ONCE = 1_000_000  # of which ids alone are held; each look-up indexes the ids of all traces anew


class FeedbackSelection:
    """Goes through all feedback more than once: :meth:`count` it first, then take the :meth:`ranges` one by one.

    Feedback belongs to a trace of the same id and tenant: what a tenant sends about a trace of another one is left out.

    Attributes:
        n_rows: rows on the traces, so far; earlier words of a user included.
        n_other_tenant: rows with the id of one of the traces, and another tenant, so far.
        n_elsewhere: rows on no trace of these, so far.
    """

    def __init__(self, traces: pa.Table) -> None:
        """``traces``: columns trace_id and tenant_id; each id once."""
        ordered = traces.select(["trace_id", "tenant_id"]).sort_by("trace_id")
        self._ids = ordered.column("trace_id").combine_chunks()
        self._tenants = ordered.column("tenant_id").combine_chunks()
        self._rows_of = np.zeros(len(self._ids), dtype=np.int64)
        self.n_rows = self.n_other_tenant = self.n_elsewhere = 0

    def count(self, feedback: Iterable[pa.Table]) -> None:
        """Note how much there is on each trace; of the parts, columns trace_id and tenant_id suffice."""
        held: list[pa.Table] = []
        for part in feedback:
            held.append(part.select(["trace_id", "tenant_id"]))
            if sum(each.num_rows for each in held) >= _COUNTED_AT_ONCE:
                self._count(pa.concat_tables(held))
                held = []
        if held:
            self._count(pa.concat_tables(held))

    def _count(self, feedback: pa.Table) -> None:
        places, same_tenant = self._places(feedback, range(len(self._ids)))
        self.n_elsewhere += int((places < 0).sum())
        self.n_other_tenant += int(((places >= 0) & ~same_tenant).sum())
        chosen = places[same_tenant]
        self.n_rows += len(chosen)
        self._rows_of += np.bincount(chosen, minlength=len(self._ids))

    def ranges(self, max_rows: int = MAX_ROWS) -> Iterator[range]:
        """Runs of traces, by id, with at most so many rows each, but one trace at least; none without rows."""
        rated = np.flatnonzero(self._rows_of)
        start = 0
        while start < len(rated):
            reached = np.cumsum(self._rows_of[rated[start:]])
            n_traces = max(1, int(np.searchsorted(reached, max_rows, side="right")))
            yield range(int(rated[start]), int(rated[start + n_traces - 1]) + 1)
            start += n_traces

    def within(self, feedback: pa.Table, places: range) -> pa.Table:
        """The rows on the traces of one range."""
        _, same_tenant = self._places(feedback, places)
        return feedback.filter(pa.array(same_tenant))

    def _places(self, feedback: pa.Table, among: range) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The place of each row's trace among these, -1 without one, and whether it is there with the same tenant."""
        if feedback.num_rows == 0 or not len(among):
            return np.full(feedback.num_rows, -1, dtype=np.int64), np.zeros(feedback.num_rows, dtype=np.bool_)
        ids, known = (column.slice(among.start, len(among)) for column in (self._ids, self._tenants))
        positions = pc.index_in(feedback.column("trace_id").combine_chunks(), ids)
        tenants = known.take(positions)
        same = pc.equal(tenants, feedback.column("tenant_id").combine_chunks()).fill_null(False)
        places = np.asarray(positions.fill_null(-1).to_numpy(), dtype=np.int64)
        return places, np.asarray(same.to_numpy(zero_copy_only=False), dtype=np.bool_)


def selected_range(selection: FeedbackSelection, parts: Iterable[pa.Table], places: range) -> pa.Table:
    """The last word of each user on the traces of one range; ``parts`` are all feedback in the order it came."""
    return last_words(pa.concat_tables([selection.within(part, places) for part in parts]))
