"""What leaves the house: the columns of an exported file, and its rows as lines of JSON."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.records.evidence import Export
from millrace.records.exports import PreferencePair, RagRow, SftRow

COLUMNS: dict[Export, tuple[str, ...]] = {
    "rag": ("text", "title", "evidence_id", "tenant_id", "task_id", "category", "reason", "provenance"),
    "sft": ("messages", "evidence_id", "tenant_id", "category", "provenance"),
    "preference": (
        *("prompt", "chosen", "rejected", "pair_id", "tenant_id", "task_id", "chosen_id", "rejected_id"),
        *("chosen_category", "rejected_category", "basis", "provenance", "rejected_provenance"),
    ),
}
"""Columns of each export's files, first what is trained on. ``user_id`` is none of them: see :func:`exported`."""

KIND: dict[Export, str] = {"rag": "rag_rows", "sft": "sft_rows", "preference": "preference_pairs"}
"""The dataset kind whose rows an export's files hold."""

MODEL = {"rag": RagRow, "sft": SftRow, "preference": PreferencePair}
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # Arrow writes the column's microseconds behind %S


def exported(export: Export, rows: pa.Table) -> pa.Table:
    """The rows of an export's dataset as its files hold them, in the same order.

    User ids stay at home: they are personal data, and a published file cannot be called back. ``tenant_id`` leaves, so
    that a file can be divided by tenant. Times become ISO 8601 text in UTC with six digits of a second, which loaders
    keep as text.

    Args:
        rows: rows of RagRow, SftRow or PreferencePair, whichever ``export`` names.
    """
    columns = {name: _with_times_as_text(_whole(rows.column(name))) for name in COLUMNS[export]}
    return pa.table(list(columns.values()), schema=exported_schema(export))


def exported_schema(export: Export) -> pa.Schema:
    """The Arrow schema of an export's files; no column of them is ever null."""
    own = arrow_schema(MODEL[export])
    return pa.schema(
        [pa.field(name, _text_for_times(own.field(name).type), nullable=False) for name in COLUMNS[export]]
    )


class JsonLines:
    """Writes tables as lines of JSON, one row a line, keys in the table's order.

    DuckDB forms the text: several times as fast as one Python object a row, with the same values. It takes one
    thread, so that rows keep their order and several writers share the machine.
    """

    def __init__(self) -> None:
        import duckdb

        self._connection = duckdb.connect(config={"threads": 1})

    def of(self, rows: pa.Table) -> memoryview:
        """UTF-8 with a line feed after every row; no rows, no bytes."""
        if rows.num_rows == 0:
            return memoryview(b"")
        given = self._connection.from_arrow(rows).set_alias("given")
        return _characters(given.project("to_json(given) || chr(10) AS line").to_arrow_table().column("line"))

    def close(self) -> None:
        """Give DuckDB's memory back."""
        self._connection.close()


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _characters(column: pa.ChunkedArray) -> memoryview:
    """The concatenated UTF-8 of all strings."""
    large = [chunk.cast(pa.large_string()) for chunk in column.chunks]
    array = large[0] if len(large) == 1 else pa.concat_arrays(large)
    _, offsets, data = array.buffers()
    ends = memoryview(offsets).cast("q")
    return memoryview(data)[ends[array.offset] : ends[array.offset + len(array)]]


def _text_for_times(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_text_for_times(field.type)) for field in kind])
    return kind


def _with_times_as_text(array: pa.Array) -> pa.Array:
    """Times in a column or in a struct; there are none in lists."""
    if pa.types.is_timestamp(array.type):
        coded = array.cast(pa.timestamp("us", tz="UTC")).dictionary_encode()  # many rows, few times
        return pc.strftime(coded.dictionary, TIME_FORMAT).take(coded.indices)
    if pa.types.is_struct(array.type):
        children: list[Any] = [_with_times_as_text(child) for child in array.flatten()]
        return pa.StructArray.from_arrays(children, fields=list(_text_for_times(array.type)))
    return array
