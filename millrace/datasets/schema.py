"""From a record to its Arrow schema, and rows to tables and back."""

from collections.abc import Iterable
from functools import cache
from typing import TypeVar

import pyarrow as pa
from pydantic import BaseModel

from millrace.datasets.shapes import arrow_fields, shapes_of
from millrace.errors import BadInputError

RecordT = TypeVar("RecordT", bound=BaseModel)


@cache
def arrow_schema(model: type[BaseModel]) -> pa.Schema:
    """The schema of a table of these records, columns in declaration order."""
    return pa.schema(arrow_fields(shapes_of(model)))


def measured_fields(model: type[BaseModel]) -> list[str]:
    """Fields that lie outside the content hash."""
    return [name for name, shape in shapes_of(model).items() if shape.measured]


def table_of(model: type[BaseModel], rows: Iterable[BaseModel]) -> pa.Table:
    """Validated records as one table; no rows give an empty table of the right schema."""
    return pa.Table.from_pylist([row.model_dump() for row in rows], schema=arrow_schema(model))


def rows_of(model: type[RecordT], table: pa.Table) -> list[RecordT]:
    """The table's rows as records; columns that are missing take their defaults."""
    return [model.model_validate(row) for row in table.to_pylist()]


def conform(model: type[BaseModel], table: pa.Table, *, nullable: bool = False) -> pa.Table:
    """The same values under exactly the record's schema, or with nulls allowed everywhere.

    Raises:
        BadInputError: a column is missing, unknown, or of a type that cannot be cast without loss.
    """
    schema = _with_nulls(arrow_schema(model)) if nullable else arrow_schema(model)
    missing = [name for name in schema.names if name not in table.column_names]
    unknown = [name for name in table.column_names if name not in schema.names]
    if missing or unknown:
        raise BadInputError(
            f"not a table of {model.__name__}: missing columns {missing}, unknown columns {unknown}",
            missing=missing,
            unknown=unknown,
        )
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise BadInputError(f"not a table of {model.__name__}: {error}") from error


def _with_nulls(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _nullable(field.type)) for field in schema])


def _nullable(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", _nullable(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _nullable(field.type)) for field in kind])
    return kind
