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
    """

    def __init__(self, start: datetime, end: datetime, tenants: Collection[str] | None = None) -> None:
        self._start, self._end = (pa.scalar(time, pa.timestamp("us", tz="UTC")) for time in (start, end))
        self._tenants = None if tenants is None else pa.array(sorted(tenants), pa.string())
        self._seen: set[str] = set()
        self.n_outside = 0
        self.n_duplicates = 0

    def of(self, traces: pa.Table) -> pa.Table:
        """The rows with ``start <= time < end``, of the tenants (all when None), not taken before."""
        time = traces.column("time")
        inside = pc.and_(pc.greater_equal(time, self._start), pc.less(time, self._end))
        if self._tenants is not None:
            inside = pc.and_(inside, pc.is_in(traces.column("tenant_id"), self._tenants))
        chosen = traces.filter(inside)
        self.n_outside += traces.num_rows - chosen.num_rows
        fresh = self._first_time(chosen.column("trace_id").to_pylist())
        self.n_duplicates += int((~fresh).sum())
        return chosen.filter(pa.array(fresh))

    def _first_time(self, ids: list[str]) -> npt.NDArray[np.bool_]:
        fresh = np.empty(len(ids), dtype=np.bool_)
        for row, trace_id in enumerate(ids):
            fresh[row] = trace_id not in self._seen
            self._seen.add(trace_id)
        return fresh
