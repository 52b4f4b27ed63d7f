"""The hash that binds evidence to its row of a dataset, column by column for many rows and again for one.

A row's canonical JSON has its unmeasured fields as the record's own JSON form writes them, times as
``2026-11-09T08:00:00Z`` with microseconds where there are any, keys sorted, everything outside ASCII escaped. Arrow
writes it for whole tables; only floats, and texts that need escaping, pass through Python.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from millrace.datasets.canonical import canonical_json
from millrace.datasets.schema import measured_fields
from millrace.errors import BadInputError

_NEEDS_ESCAPING = r"[^ !#-\[\]-~]"


def dataset_row_hash(row: Mapping[str, Any]) -> str:
    """sha256 over the canonical JSON of one row, 64 hex digits; equal to :func:`dataset_row_hashes` of its table.

    Args:
        row: the unmeasured fields of a row, as ``Table.to_pylist`` gives them.

    Raises:
        BadInputError: NaN, infinity, or a type that JSON has not.
    """
    return sha256(canonical_json(_plain(row))).hexdigest()


def unmeasured_row(model: type[BaseModel], row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row that its hash is over."""
    measured = measured_fields(model)
    return {name: value for name, value in row.items() if name not in measured}


def dataset_row_hashes(model: type[BaseModel], table: pa.Table) -> pa.Array:
    """The hash of each row of a table of these records, measured fields left out; strings of 64 hex digits."""
    written = canonical_rows(table.drop_columns(measured_fields(model))).cast(pa.binary())
    return pa.array([sha256(each).hexdigest() for each in written.to_pylist()], pa.string())


def canonical_rows(table: pa.Table) -> pa.Array:
    """The canonical JSON of each row, as one string each.

    Raises:
        BadInputError: NaN, infinity, or a type of column that no record has.
    """
    columns = {name: _whole(table.column(name)) for name in table.column_names}
    return _objects(columns, table.num_rows)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").replace(".000000Z", "Z")
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _objects(fields: Mapping[str, pa.Array], n_rows: int) -> pa.Array:
    if not fields:
        return pa.repeat("{}", n_rows)
    pieces: list[Any] = []
    for place, name in enumerate(sorted(fields)):
        pieces += [f"{',' if place else '{'}{encode_basestring_ascii(name)}:", _values(fields[name])]
    return pc.binary_join_element_wise(*pieces, "}", "")


def _values(array: pa.Array) -> pa.Array:
    """The JSON of each value; ``null`` where there is none."""
    return _written(array).fill_null("null")


def _written(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_string(kind):
        return _texts(array)
    if pa.types.is_list(kind):
        return _lists(array)
    if pa.types.is_struct(kind):
        children = dict(zip(kind.names, array.flatten(), strict=True))
        return pc.if_else(array.is_valid(), _objects(children, len(array)), None)
    if pa.types.is_timestamp(kind):
        return _times(array)
    if pa.types.is_floating(kind):
        return _floats(array)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return array.cast(pa.string())
    raise BadInputError(f"no canonical JSON for values of type {kind}")


def _texts(array: pa.Array) -> pa.Array:
    quoted = pc.binary_join_element_wise('"', array, '"', "")
    unsafe = pc.match_substring_regex(array, _NEEDS_ESCAPING)
    if not pc.any(unsafe).as_py():
        return quoted
    escaped = list(map(encode_basestring_ascii, array.filter(unsafe).to_pylist()))
    return pc.replace_with_mask(quoted, unsafe.fill_null(False), pa.array(escaped, pa.string()))


def _lists(array: pa.Array) -> pa.Array:
    items = _values(array.flatten())
    offsets = pc.cumulative_sum(pc.list_value_length(array).fill_null(0).cast(pa.int32()))
    starts = pa.concat_arrays([pa.array([0], pa.int32()), offsets])
    joined = pc.binary_join(pa.ListArray.from_arrays(starts, items), ",")
    return pc.if_else(array.is_valid(), pc.binary_join_element_wise("[", joined, "]", ""), None)


def _times(array: pa.Array) -> pa.Array:
    # In the time zone of the type, which is UTC in every record.
    return pc.replace_substring(pc.strftime(array, format='"%Y-%m-%dT%H:%M:%SZ"'), ".000000Z", "Z")


def _floats(array: pa.Array) -> pa.Array:
    if pc.any(pc.invert(pc.is_finite(array))).as_py():
        raise BadInputError("NaN or an infinity cannot be written as canonical JSON")
    return pa.array([None if each is None else float.__repr__(each) for each in array.to_pylist()], pa.string())
