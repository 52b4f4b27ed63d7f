"""Evidence as tables: what every stream's rows become, each bound to where it was found (D1)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.records.evidence import Evidence, Marker

ID_DIGITS = 24
_BOUND = ("evidence_id", "stream", "source_file", "source_offset", "row_hash", "run_id", "task_id", "recorded_at")


@dataclass(frozen=True)
class EvidenceBatch:
    """Rows of one stream: the evidence, and what could not be taken, each with its reason."""

    evidence: pa.Table
    skips: pa.Table


EvidenceJobs = Iterator[Callable[[], EvidenceBatch]]
"""Batches of a stream in order, each computed when it is called, on any thread."""


def as_evidence(columns: dict[str, Any], n_rows: int) -> pa.Table:
    """A table of Evidence from the columns that a stream has; the others take the record's defaults.

    ``evidence_id`` may hold nulls: those become the stream's name and the first digits of the row's hash, so that one
    row found twice is one record. ``sig_hash`` is always computed here.

    Args:
        columns: Arrow arrays or lists of length ``n_rows``; stream, source_file, source_offset, row_hash, recorded_at,
            task_id, role and text are needed.
    """
    schema = arrow_schema(Evidence)
    given: dict[str, pa.Array] = {name: _array(value, schema.field(name).type) for name, value in columns.items()}
    ids = given.get("evidence_id", pa.nulls(n_rows, pa.string()))
    given["evidence_id"] = pc.coalesce(ids, _made_up_ids(given)) if ids.null_count else ids
    for name in schema.names:
        if name not in given and name != "sig_hash":
            given[name] = _default(name, n_rows)
    given["sig_hash"] = sig_hashes(given)
    return pa.table([given[name] for name in schema.names], schema=schema)


def marker(name: str, value: object) -> dict[str, object] | None:
    """One marker as a row of ``Evidence.markers``; None for null, and for what is no text, number or truth value."""
    if isinstance(value, bool):
        return Marker(name=name, value=str(value).lower(), number=float(value)).model_dump()
    if isinstance(value, int | float):
        number = float(value)
        return Marker(name=name, value=repr(value), number=number).model_dump() if np.isfinite(number) else None
    return Marker(name=name, value=value).model_dump() if isinstance(value, str) else None


def _array(value: Any, kind: pa.DataType) -> pa.Array:
    array = value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value
    return array.cast(kind) if isinstance(array, pa.Array) else pa.array(array, kind)


def _made_up_ids(given: dict[str, pa.Array]) -> pa.Array:
    digits = pc.utf8_slice_codeunits(given["row_hash"], 0, ID_DIGITS)
    return pc.binary_join_element_wise(given["stream"], digits, "-")


def _default(name: str, n_rows: int) -> pa.Array:
    field = arrow_schema(Evidence).field(name)
    default = Evidence.model_fields[name].get_default(call_default_factory=True)
    if default is None:
        return pa.nulls(n_rows, field.type)
    return pa.array([default], field.type).take(pa.array(np.zeros(n_rows, dtype=np.int64)))


def sig_hashes(evidence: dict[str, pa.Array]) -> pa.Array:
    """sha256 over id, stream, source file, offset, row hash, run, task and microseconds of ``recorded_at``, in hex.

    Each is written as text, null as nothing, with a zero byte between them; a zero byte within one is doubled.
    """
    written = [
        _as_text(evidence["recorded_at"].cast(pa.int64()) if n == "recorded_at" else evidence[n]) for n in _BOUND
    ]
    joined = pc.binary_join_element_wise(*written, "\0").cast(pa.binary()).to_pylist()
    return pa.array([sha256(each).hexdigest() for each in joined], pa.string())


def _as_text(column: pa.Array) -> pa.Array:
    text = column.cast(pa.string()).fill_null("")
    may_hold_zero = pa.types.is_string(column.type) and _has_zero(text.buffers()[2])
    return pc.replace_substring(text, "\0", "\0\0") if may_hold_zero else text


def _has_zero(data: pa.Buffer | None) -> bool:
    return data is not None and not np.frombuffer(data, np.uint8).all()
