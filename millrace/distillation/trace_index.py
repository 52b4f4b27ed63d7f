"""Where the traces of a distillation lie: each id once, and what is said of a trace is found by its place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.part_groups import OpenSource, SourcePart, parts_of
from millrace.distillation.streams import Scope

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_COLUMNS = ["trace_id", "tenant_id", "time", "user_id"]


@dataclass(frozen=True)
class TracePart:
    """A part of a dataset of traces; ``first_place`` is the place of the first row within the scope."""

    part: SourcePart
    first_place: int
    n_places: int


class TraceIndex:
    """The traces within a scope, numbered from 0 in the order of their datasets and rows.

    Where several rows have one id, the first has it: the others are repeated.

    Attributes:
        parts: all parts in order.
        is_first: one truth value a place: whether no earlier place has its id.
    """

    def __init__(self, sources: Sequence[OpenSource], scope: Scope) -> None:
        """Reads ids, tenants, times and users of all parts, unchecked: whoever takes the rows checks them."""
        self.scope = scope
        self.parts: list[TracePart] = []
        held = [pa.table({name: pa.array([], pa.string()) for name in ("trace_id", "tenant_id", "user_id")})]
        n_places = 0
        for source in sources:
            for part, rows in zip(parts_of([source]), source.dataset.columns(_COLUMNS), strict=True):
                inside = rows.filter(scope.within(rows)).drop_columns(["time"])
                self.parts.append(TracePart(part, n_places, inside.num_rows))
                held.append(inside.cast(held[0].schema))
                n_places += inside.num_rows
        table = pa.concat_tables(held)
        self._ids = table.column("trace_id").combine_chunks()
        self._tenants = table.column("tenant_id").dictionary_encode().combine_chunks()
        self._users = table.column("user_id").dictionary_encode().combine_chunks()
        self.is_first: Mask = _numbers(pc.index_in(self._ids, self._ids)) == np.arange(n_places)

    def __len__(self) -> int:
        return len(self._ids)

    def places(self, ids: pa.Array | pa.ChunkedArray, tenants: pa.Array | pa.ChunkedArray | None = None) -> Places:
        """The place of each id's trace, -1 where there is none, or one of another tenant.

        Each call indexes all traces: ask for many ids at once.
        """
        found = pc.index_in(_whole(ids), self._ids)
        places = _numbers(found.fill_null(-1))
        if tenants is not None:
            same = pc.equal(self._tenants.take(found).cast(pa.string()), _whole(tenants)).fill_null(False)
            places = np.where(_bools(same), places, -1)
        return places

    def users(self, places: Places) -> pa.Array:
        """Who asked at each place; null where it is not known, or the place is -1."""
        return self._users.take(pa.array(places, mask=places < 0)).cast(pa.string())

    def parts_with(self, places: Places) -> list[TracePart]:
        """The parts that hold one of the places, which ascend."""
        starts = np.searchsorted(places, [each.first_place for each in self.parts])
        ends = np.searchsorted(places, [each.first_place + each.n_places for each in self.parts])
        return [each for each, start, end in zip(self.parts, starts, ends, strict=True) if start < end]

    def read(self, part: TracePart) -> tuple[pa.Table, Places]:
        """The rows of a part within the scope, checked, and the number of each in its dataset; places follow."""
        table = part.part.source.dataset.read_part(part.part.index)
        inside = self.scope.within(table)
        return table.filter(inside), np.flatnonzero(_bools(inside)) + part.part.first_row


def joined(parts: Iterable[pa.Table], max_rows: int = 500_000) -> Iterable[pa.Table]:
    """Narrow tables put together, so that each look-up is of many rows."""
    held: list[pa.Table] = []
    for part in parts:
        held.append(part)
        if sum(each.num_rows for each in held) >= max_rows:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _numbers(array: pa.Array) -> Places:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.int64)


def _bools(array: pa.Array) -> Mask:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.bool_)
