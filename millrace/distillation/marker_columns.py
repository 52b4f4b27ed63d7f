"""Markers of many records as columns: each name once, with the rows that have it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Rows = npt.NDArray[np.int64]
RecordField = Literal["stream", "role", "producer", "split"]
FIELDS: tuple[str, ...] = get_args(RecordField)
NOT_GIVEN = "not given"

_SHOWN_CHARACTERS = 80
_SHOWN_DIGITS = 3


@dataclass(frozen=True)
class Column:
    """The values of one marker or field, for the records that have it only.

    Attributes:
        rows: their places, ascending, each once; shape (n_values,).
        texts: the values as text, length n_values.
        numbers: the values as numbers, null where a value is none; length n_values.
    """

    rows: Rows
    texts: pa.Array
    numbers: pa.Array

    @cached_property
    def words(self) -> pa.Array:
        """The texts in small letters (ASCII) without space around them, as tables of rules compare them."""
        return as_word(self.texts)

    def shown(self, rows: Rows) -> pa.Array:
        """The values of these rows for people: three digits after the point, 80 characters, or ``not given``."""
        places = np.searchsorted(self.rows, rows)
        inside = np.minimum(places, max(len(self.rows) - 1, 0))
        given = self.rows[inside] == rows if len(self.rows) else np.zeros(len(rows), dtype=np.bool_)
        found = pa.array(inside, mask=~given)
        return _shown(self.texts.take(found), self.numbers.take(found)).fill_null(NOT_GIVEN)


NO_COLUMN = Column(np.zeros(0, dtype=np.int64), pa.array([], pa.string()), pa.array([], pa.float64()))


@dataclass(frozen=True)
class EvidenceColumns:
    """What conditions look at, of a table of evidence."""

    n_rows: int
    markers: Mapping[str, Column]
    fields: Mapping[str, Column]

    def marker(self, name: str) -> Column:
        """The marker's values; empty where no record has it."""
        return self.markers.get(name, NO_COLUMN)

    def named(self, name: str) -> Column:
        """What a reason means by a name in braces: a record's field of that name, else a marker."""
        return self.fields[name] if name in self.fields else self.marker(name)


def columns_of(evidence: pa.Table, names: Iterable[str]) -> EvidenceColumns:
    """The named markers and all fields, as columns. Of two markers of one name in a record the last counts.

    Args:
        evidence: table of Evidence, or its columns ``markers``, ``stream``, ``role``, ``producer`` and ``split``.
    """
    fields = {name: _field(_whole(evidence.column(name))) for name in FIELDS}
    markers = _markers(_whole(evidence.column("markers")), sorted(set(names)))
    return EvidenceColumns(evidence.num_rows, MappingProxyType(markers), MappingProxyType(fields))


def as_word(texts: pa.Array) -> pa.Array:
    """Texts as conditions compare them: ASCII letters small, no space around."""
    return pc.ascii_trim_whitespace(pc.ascii_lower(texts))


def _markers(lists: pa.Array, names: list[str]) -> dict[str, Column]:
    flat = lists.flatten()
    codes = pc.index_in(pc.struct_field(flat, "name"), pa.array(names, pa.string()))
    owners = pc.list_parent_indices(lists).to_numpy()
    wanted = codes.is_valid().to_numpy(zero_copy_only=False)
    places = np.flatnonzero(wanted)
    code = codes.fill_null(0).to_numpy()[places].astype(np.int16)
    order = np.argsort(code, kind="stable")  # within a name the records stay in order
    bounds = np.searchsorted(code[order], np.arange(len(names) + 1))
    texts, numbers = pc.struct_field(flat, "value"), pc.struct_field(flat, "number")
    found = {}
    for name, start, stop in zip(names, bounds, bounds[1:], strict=False):
        own = places[order[start:stop]]
        rows = owners[own].astype(np.int64)
        last = np.append(rows[1:] != rows[:-1], True) if len(rows) else np.zeros(0, dtype=np.bool_)
        taken = pa.array(own[last])
        found[name] = Column(rows[last], texts.take(taken), numbers.take(taken))
    return found


def _field(column: pa.Array) -> Column:
    present = pc.is_valid(column).to_numpy(zero_copy_only=False)
    texts = column.drop_null()
    return Column(np.flatnonzero(present), texts, pa.nulls(len(texts), pa.float64()))


def _shown(texts: pa.Array, numbers: pa.Array) -> pa.Array:
    cut = pc.utf8_slice_codeunits(texts, 0, _SHOWN_CHARACTERS - 1)
    whole = pc.less_equal(pc.utf8_length(texts), _SHOWN_CHARACTERS)
    short = pc.if_else(whole, texts, pc.binary_join_element_wise(cut, "…", ""))
    rounded = pc.add(pc.round(numbers, _SHOWN_DIGITS), 0.0).cast(pa.string())  # -0 becomes 0
    truth = pc.is_in(texts, pa.array(["true", "false"]))
    return pc.if_else(pc.and_(pc.is_valid(numbers), pc.invert(truth)), rounded, short)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
