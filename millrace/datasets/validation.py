"""Checks a table column by column; pydantic explains only the rows that fail."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from millrace.datasets.schema import conform
from millrace.datasets.shapes import Shape, shapes_of
from millrace.errors import BadInputError

Mask = npt.NDArray[np.bool_]

_HEXADECIMAL = re.compile(r"\^\[0-9a-f\]\{([1-9][0-9]*)\}\$")
_COMPARE = {"ge": pc.greater_equal, "gt": pc.greater, "le": pc.less_equal, "lt": pc.less}


@dataclass(frozen=True)
class BadRow:
    """A row that breaks its record's rules: its index from 0 and what pydantic says of it."""

    index: int
    message: str


def valid_rows(model: type[BaseModel], table: pa.Table) -> Mask:
    """One boolean a row: whether pydantic would take it. The table has the record's schema."""
    mask = np.ones(table.num_rows, dtype=np.bool_)
    for name, shape in shapes_of(model).items():
        start = 0
        for chunk in table.column(name).chunks:
            mask[start : start + len(chunk)] &= _valid(chunk, shape)
            start += len(chunk)
    return mask


def bad_rows(model: type[BaseModel], table: pa.Table) -> list[BadRow]:
    """The rows that fail, explained; empty when all hold."""
    failing = np.flatnonzero(~valid_rows(model, table))
    return [BadRow(int(index), _explain(model, table.slice(int(index), 1).to_pylist()[0])) for index in failing]


def checked(model: type[BaseModel], table: pa.Table) -> pa.Table:
    """The table under the record's schema, every row valid.

    Raises:
        BadInputError: names the first bad row and how many there are.
    """
    loose = conform(model, table, nullable=True)
    bad = bad_rows(model, loose)
    if bad:
        raise BadInputError(
            f"{len(bad)} of {table.num_rows} rows are no {model.__name__}; row {bad[0].index}: {bad[0].message}",
            rows=[row.index for row in bad],
        )
    return conform(model, loose)


def _explain(model: type[BaseModel], row: dict[str, Any]) -> str:
    try:
        model.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return "breaks a column rule that pydantic does not know"


def _valid(array: pa.Array, shape: Shape) -> Mask:
    nulls = _bools(array.is_null())
    good = np.ones(len(array), dtype=np.bool_)
    for check in _checks(array, shape):
        good &= check
    return np.where(nulls, shape.nullable, good)


def _checks(array: pa.Array, shape: Shape) -> list[Mask]:
    checks = [_bools(_COMPARE[name](array, bound)) for name, bound in shape.bounds]
    if shape.choices:
        checks.append(_bools(pc.is_in(array, pa.array(shape.choices))))
    if shape.pattern is not None:
        checks.append(_matches(array, shape.pattern))
    if shape.lengths != (None, None):
        checks.append(_length_check(array, shape))
    if pa.types.is_floating(array.type):
        checks.append(_bools(pc.is_finite(array)))
    if shape.element is not None:
        checks.append(_elements_check(array, shape.element))
    if shape.fields:
        children = zip(shape.fields.items(), array.flatten(), strict=True)
        checks.extend(_valid(child, child_shape) for (_, child_shape), child in children)
    return checks


def _matches(array: pa.Array, pattern: str) -> Mask:
    digits = _HEXADECIMAL.fullmatch(pattern)
    if digits and _all_hexadecimal(array, int(digits[1])):
        return np.ones(len(array), dtype=np.bool_)
    return _bools(pc.match_substring_regex(array, pattern))


def _all_hexadecimal(array: pa.Array, n_digits: int) -> bool:
    """Whether there is no null and each text is so many small hexadecimal digits: of hashes there are many."""
    if array.null_count or len(array) == 0 or not pc.all(pc.equal(pc.binary_length(array), n_digits)).as_py():
        return False
    first = int(np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset])
    codes = np.frombuffer(array.buffers()[2], dtype=np.uint8)[first : first + len(array) * n_digits]
    return bool(np.all((codes - np.uint8(ord("0")) < 10) | (codes - np.uint8(ord("a")) < 6)))


def _length_check(array: pa.Array, shape: Shape) -> Mask:
    count = pc.list_value_length(array) if shape.element is not None else pc.utf8_length(array)
    lengths = np.asarray(count.fill_null(0))
    shortest, longest = shape.lengths
    return np.asarray(
        (lengths >= (shortest or 0)) & (lengths <= (longest if longest is not None else lengths.max(initial=0)))
    )


def _elements_check(array: pa.Array, element: Shape) -> Mask:
    """A list is good when all its elements are."""
    good = _valid(array.flatten(), element)
    parents = np.asarray(pc.list_parent_indices(array))
    mask = np.ones(len(array), dtype=np.bool_)
    mask[parents[~good]] = False
    return mask


def _bools(values: pa.Array) -> Mask:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)
