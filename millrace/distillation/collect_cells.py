"""What single sources of a mapping say of many rows at once.

Every rule for a value is the one that reads single rows, applied to the distinct values of a column. A row in which
anything is amiss is only marked: it is read again by itself, which finds the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.collect_parse import Mask, Rows
from millrace.distillation.collect_plan import Names, as_list, names_of
from millrace.distillation.stream_sources import (
    EXACT,
    AggregateSource,
    ConstantSource,
    FirstSource,
    MarkerSource,
    PathSource,
    Scalar,
    ScalarSource,
    TemplateSource,
    as_scalar,
    slot_text,
)
from millrace.errors import BadInputError
from millrace.methods.field_paths import FieldPath, Sign


@dataclass(frozen=True)
class Scalars:
    """One scalar or none a row: ``values[codes[i]]``; a code of -1 is none."""

    codes: Rows
    values: list[Scalar]


class Cells:
    """The columns of some lines.

    Attributes:
        bad: one truth value a line: whether it must be read by itself.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.n_rows = table.num_rows
        self.bad: Mask = np.zeros(table.num_rows, np.bool_)

    def mark(self, wrong: pa.Array | Mask) -> None:
        """These lines must be read by themselves; null is not wrong."""
        if isinstance(wrong, pa.Array):
            wrong = wrong.fill_null(False).to_numpy(zero_copy_only=False)
        self.bad |= wrong

    def array(self, names: Names) -> pa.Array:
        """The column at a path without lists in it; null where the path leads nowhere."""
        column = self._table.column(str(names[0])).combine_chunks()
        for name in names[1:]:
            column = pc.struct_field(column, str(name))
        return column

    def items(self, path: FieldPath) -> tuple[pa.Array, pa.Array]:
        """The lists at a path, and what their elements have behind it, flat."""
        names = as_list(path)
        every = names.index(Sign.EVERY)
        lists = self.array(names[:every])
        found = lists.flatten()
        for name in names[every + 1 :]:
            found = pc.struct_field(found, str(name))
        return lists, found

    def mark_items(self, lists: pa.Array, wrong: pa.Array) -> None:
        """Lines with a wrong element in their list; null is not wrong."""
        flags = wrong.fill_null(False).to_numpy(zero_copy_only=False)
        if flags.any():
            self.bad[pc.list_parent_indices(lists).to_numpy()[flags]] = True

    def text(self, source: ScalarSource | None) -> pa.Array:
        """A text a row, null where there is none."""
        if source is None:
            return pa.nulls(self.n_rows, pa.string())
        if isinstance(source, PathSource) and source.values is None and source.default is None:
            column = self.array(names_of(source.path))
            if pa.types.is_string(column.type):
                return column
        if isinstance(source, TemplateSource):
            return self._filled(source)
        if isinstance(source, FirstSource):
            return pc.coalesce(*[self.text(each) for each in source.first])
        return self.words(self.scalars(source), _must_be_text)

    def scalars(self, source: MarkerSource) -> Scalars:
        """A scalar a row."""
        if isinstance(source, AggregateSource):
            return self._aggregated(source)
        if isinstance(source, ConstantSource):
            return Scalars(np.zeros(self.n_rows, np.int64), [source.constant])
        if isinstance(source, TemplateSource):
            return self._encoded(self._filled(source))
        if isinstance(source, FirstSource):
            return _first([self.scalars(each) for each in source.first])
        found = self._changed(
            self._encoded(self.array(names_of(source.path))), lambda value: source.translated(value, "")
        )
        return (
            found if source.default is None else _first([found, self.scalars(ConstantSource(constant=source.default))])
        )

    def _encoded(self, column: pa.Array) -> Scalars:
        encoded = pc.dictionary_encode(column)
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return self._changed(Scalars(codes, encoded.dictionary.to_pylist()), _exact)

    def _changed(self, scalars: Scalars, change: Callable[[Scalar], Scalar]) -> Scalars:
        values: list[Scalar] = []
        wrong = np.zeros(len(scalars.values) + 1, np.bool_)  # the last is for code -1
        for code, value in enumerate(scalars.values):
            try:
                values.append(change(value))
            except BadInputError:
                values.append("")
                wrong[code] = True
        if wrong.any():
            self.mark(wrong[scalars.codes])
        return Scalars(scalars.codes, values)

    def words(self, scalars: Scalars, write: Callable[[Scalar], str]) -> pa.Array:
        """A text a row: what is written for its scalar, null where there is none."""
        words = self._changed(scalars, write)
        codes = pa.array(words.codes, mask=words.codes < 0)
        return pa.array(words.values, pa.string()).take(codes)

    def _filled(self, source: TemplateSource) -> pa.Array:
        pieces: list[pa.Array | pa.Scalar] = [pa.scalar(source.words[0])]
        for path, word in zip(source.paths, source.words[1:], strict=True):
            column = self.array(names_of(path))
            is_text = pa.types.is_string(column.type)
            pieces.append(column if is_text else self.words(self._encoded(column), lambda value: slot_text(value, "")))
            pieces.append(pa.scalar(word))
        return pc.binary_join_element_wise(*pieces, pa.scalar(""))

    def _aggregated(self, source: AggregateSource) -> Scalars:
        lists, numbers = self.items(source.path)
        self.mark_items(lists, pc.greater_equal(pc.abs(numbers), float(EXACT)))
        values: list[Scalar] = []
        codes = np.full(self.n_rows, -1, np.int64)
        for row, found in enumerate(lists.to_pylist()):
            try:
                value = None if found is None else source.of(found, "")
            except BadInputError:
                self.bad[row] = True
            else:
                if value is not None:
                    codes[row] = len(values)
                    values.append(value)
        return Scalars(codes, values)


def _exact(value: Scalar) -> Scalar:
    """The value as rows give it; from 2**53 on the column does not know which whole number it was."""
    if isinstance(value, float) and abs(value) >= EXACT:
        raise BadInputError("a large number", reason="out_of_range")
    return as_scalar(value, "")


def _must_be_text(value: Scalar) -> str:
    if not isinstance(value, str):
        raise BadInputError("not a text", reason="wrong_type")
    return value


def _first(found: list[Scalars]) -> Scalars:
    codes, values = found[0].codes, list(found[0].values)
    for each in found[1:]:
        codes = np.where(codes < 0, np.where(each.codes < 0, -1, each.codes + len(values)), codes)
        values += each.values
    return Scalars(codes, values)
