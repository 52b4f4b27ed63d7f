"""Writes markers from columns: one value a record at most, put together to each record's list."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.records.evidence import Evidence

MAX_NAME = 512
_LISTS = arrow_schema(Evidence).field("markers").type
_MARKER = _LISTS.value_type
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MarkerColumn:
    """One marker of those records that have it.

    Attributes:
        name: 1 to 512 characters.
        places: of the records, ascending, each once; shape (n_values,).
        values: strings, floats, integers or truth values, maybe dictionary-encoded; no nulls, length n_values.
    """

    name: str
    places: Places
    values: pa.Array

    def at(self, places: Places) -> "MarkerColumn":
        """The marker of these records (ascending places), which are numbered from 0 then."""
        first, last = np.searchsorted(self.places, [places[0], places[-1] + 1]) if len(places) else (0, 0)
        window = self.places[first:last]
        found = np.minimum(np.searchsorted(places, window), max(len(places) - 1, 0))
        hit = places[found] == window if len(window) else np.zeros(0, dtype=np.bool_)
        values = self.values.slice(int(first), int(last - first)).filter(pa.array(hit))
        return MarkerColumn(self.name, found[hit], values)


def column(name: str, places: Places, values: pa.Array | pa.ChunkedArray) -> MarkerColumn:
    """A marker from values of which some are null, at places that ascend."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    given = whole.is_valid()
    return MarkerColumn(name, places[np.asarray(given.to_numpy(zero_copy_only=False))], whole.filter(given))


def marker_lists(columns: Sequence[MarkerColumn], n_rows: int) -> pa.Array:
    """``Evidence.markers`` of records 0 to ``n_rows``, each list in the order of the columns.

    Values are written as :func:`millrace.distillation.evidence.marker` writes them. A column whose name no marker may
    have (too long, or empty) is left out.
    """
    named = [each for each in columns if 0 < len(each.name) <= MAX_NAME and len(each.places)]
    written = [_written(each) for each in named]
    owners = np.concatenate([np.zeros(0, dtype=np.int64), *(each.places for each in named)])
    order = np.argsort(owners, kind="stable")
    flat = pa.concat_arrays([pa.array([], _MARKER), *written]).take(pa.array(order))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=n_rows))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=_LISTS)


def _written(column: MarkerColumn) -> pa.Array:
    texts, numbers = _values(column.values)
    names = pa.repeat(column.name, len(texts))
    return pa.StructArray.from_arrays([names, texts, numbers], fields=list(_MARKER))


def _values(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
    if pa.types.is_string(values.type):
        return values, pa.nulls(len(values), pa.float64())
    if pa.types.is_floating(kind):
        return pa.array(list(map(float.__repr__, values.to_pylist())), pa.string()), values
    return values.cast(pa.string()), values.cast(pa.int64()).cast(pa.float64())


def last_of_each(places: Places) -> npt.NDArray[np.int64]:
    """Of rows with the same place the last; their numbers, by place; places below 0 are left out."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
    return np.asarray(order[is_last & (ordered >= 0)], dtype=np.int64)


def one_column_each(prefix: str, places: Places, names: pa.Array, values: pa.Array) -> list[MarkerColumn]:
    """A marker a name, by name; of one record's values of one name the first counts.

    Args:
        places: ascending.
        names: strings, none null.
        values: of these names; nulls are no markers.
    """
    given = np.asarray(pc.and_(values.is_valid(), names.is_valid()).to_numpy(zero_copy_only=False))
    coded = names.filter(pa.array(given)).dictionary_encode()
    places, values = places[given], values.filter(pa.array(given))
    codes = np.asarray(coded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    order = np.argsort(codes, kind="stable")  # within a name the places still ascend
    bounds = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
    found = []
    for code, name in enumerate(coded.dictionary.to_pylist()):
        own = order[bounds[code] : bounds[code + 1]]
        own = own[np.append(True, places[own][1:] != places[own][:-1])]
        found.append(MarkerColumn(f"{prefix}{name}", places[own], values.take(pa.array(own))))
    return sorted(found, key=lambda each: each.name)
