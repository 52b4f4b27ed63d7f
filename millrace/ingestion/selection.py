"""Picks a window's traces out of whole datasets."""

from collections.abc import Collection
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class Selection:
    """Takes parts in catalogue order, and of rows with one trace id the first.

    Attributes:
        n_outside: rows outside the window or of other tenants, so far.
        n_duplicates: rows whose id was taken before, so far.
        n_late: rows of earlier weeks taken, so far.
    """

    def __init__(self, start: datetime, end: datetime, tenants: Collection[str] | None = None) -> None:
        self._start, self._end = start, end
        self._tenants = None if tenants is None else pa.array(sorted(tenants), pa.string())
        self._seen: set[str] = set()
        self.n_outside = 0
        self.n_duplicates = 0
        self.n_late = 0

    def of(self, traces: pa.Table) -> pa.Table:
        """The rows with ``start <= time < end``, of the tenants (all when None), not taken before."""
        chosen = self._within(traces, self._start, self._end)
        self.n_outside += traces.num_rows - chosen.num_rows
        return self._new(chosen)

    def late(self, traces: pa.Table, start: datetime, end: datetime) -> pa.Table:
        """The same of an earlier week, from ``start`` to ``end``; after all parts of the window itself."""
        taken = self._new(self._within(traces, start, end))
        self.n_late += taken.num_rows
        return taken

    def know(self, traces: pa.Table, start: datetime, end: datetime) -> None:
        """Rows of an earlier week that another run has taken: with their ids none is late.

        Args:
            traces: columns time, tenant_id and trace_id suffice.
        """
        self._first_time(self._within(traces, start, end).column("trace_id").to_pylist())

    def _within(self, traces: pa.Table, start: datetime, end: datetime) -> pa.Table:
        time = traces.column("time")
        first, last = (pa.scalar(bound, pa.timestamp("us", tz="UTC")) for bound in (start, end))
        inside = pc.and_(pc.greater_equal(time, first), pc.less(time, last))
        if self._tenants is not None:
            inside = pc.and_(inside, pc.is_in(traces.column("tenant_id"), self._tenants))
        return traces.filter(inside)

    def _new(self, chosen: pa.Table) -> pa.Table:
        fresh = self._first_time(chosen.column("trace_id").to_pylist())
        self.n_duplicates += int((~fresh).sum())
        return chosen.filter(pa.array(fresh))

    def _first_time(self, ids: list[str]) -> npt.NDArray[np.bool_]:
        fresh = np.empty(len(ids), dtype=np.bool_)
        for row, trace_id in enumerate(ids):
            fresh[row] = trace_id not in self._seen
            self._seen.add(trace_id)
        return fresh
