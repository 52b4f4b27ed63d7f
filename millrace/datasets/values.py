"""Hashes over values: equal for equal rows, whatever the file encoding, chunking or library version."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError


def table_hash(table: pa.Table) -> str:
    """sha256 over column names, types and values, 64 hex digits.

    Equal tables hash alike however they are chunked or sliced; -0.0 counts as 0.0.

    Raises:
        BadInputError: a NaN, or a type without a canonical form.
    """
    digest = hashlib.sha256()
    digest.update(table.num_rows.to_bytes(8, "little"))
    for field, column in zip(table.schema, table.columns, strict=True):
        digest.update(f"{field.name}\0{field.type}\0".encode())
        array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        _feed(digest, array)
    return digest.hexdigest()


def value_bytes(table: pa.Table) -> int:
    """Size of the values in bytes: data, list lengths and one byte a null flag; the same for equal tables."""
    return sum(_size(chunk) for column in table.columns for chunk in column.chunks)


def _feed(digest: Any, array: pa.Array) -> None:
    digest.update(len(array).to_bytes(8, "little"))
    digest.update(_validity(array))
    kind = array.type
    if pa.types.is_struct(kind):
        for child in array.flatten():
            _feed(digest, child)
    elif pa.types.is_list(kind):
        digest.update(_lengths(array))
        _feed(digest, array.flatten())
    elif pa.types.is_string(kind):
        digest.update(_lengths(array))
        digest.update(_text(array))
    elif pa.types.is_floating(kind):
        digest.update(_floats(array))
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        digest.update(_integers(array))
    elif pa.types.is_timestamp(kind):
        digest.update(_integers(array.cast(pa.timestamp("us", tz="UTC"))))
    else:
        raise BadInputError(f"no canonical form for values of type {kind}")


def _validity(array: pa.Array) -> bytes:
    """A bit a value, the first one highest, 1 where there is one."""
    if array.null_count == 0:
        full, rest = divmod(len(array), 8)
        return b"\xff" * full + (bytes([0xFF << (8 - rest) & 0xFF]) if rest else b"")
    return np.packbits(np.asarray(array.is_valid().to_numpy(zero_copy_only=False))).tobytes()


def _lengths(array: pa.Array) -> npt.NDArray[np.int64]:
    """Of each list in elements, of each string in bytes; 0 for null."""
    if array.null_count or len(array) == 0:
        return _integers(pc.list_value_length(array) if pa.types.is_list(array.type) else pc.binary_length(array))
    return np.diff(_offsets(array)).astype(np.int64)


def _offsets(array: pa.Array) -> npt.NDArray[np.int32]:
    """Where each list or string begins, and where the last one ends; at least one."""
    return np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1]


def _integers(array: pa.Array) -> npt.NDArray[np.int64]:
    """As whole numbers of 64 bits, nulls 0; the array's own memory where it holds just these."""
    filled = array.cast(pa.int64()).fill_null(0)
    return np.ascontiguousarray(filled.to_numpy(zero_copy_only=False), dtype=np.int64)


def _floats(array: pa.Array) -> bytes:
    values = array.fill_null(0.0).to_numpy(zero_copy_only=False).astype(np.float64)
    if np.isnan(values).any():
        raise BadInputError("a NaN cannot be stored: an undefined number is null with a reason")
    return bytes((values + 0.0).tobytes())


def _text(array: pa.Array) -> memoryview | bytes:
    """The concatenated UTF-8 of all strings, nulls giving nothing."""
    filled = array.fill_null("") if array.null_count else array
    data = filled.buffers()[2]
    if len(filled) == 0 or data is None:
        return b""
    offsets = _offsets(filled)
    return memoryview(data)[int(offsets[0]) : int(offsets[-1])]


def _size(array: pa.Array) -> int:
    kind = array.type
    if pa.types.is_struct(kind):
        return len(array) + sum(_size(child) for child in array.flatten())
    if pa.types.is_list(kind):
        return 5 * len(array) + _size(array.flatten())
    if pa.types.is_string(kind):
        return 5 * len(array) + int(pc.sum(pc.binary_length(array)).as_py() or 0)
    return 9 * len(array)
