"""Reading a stored dataset, every part checked against the hash its manifest promises."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from millrace.datasets.manifest import DatasetRef, Manifest, Part, content_hash
from millrace.datasets.schema import arrow_schema, measured_fields
from millrace.datasets.values import table_hash
from millrace.errors import DamagedDatasetError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Dataset:
    """An immutable directory of parts; opened by ``DatasetStore.open``."""

    folder: Path
    manifest: Manifest
    model: type[BaseModel]

    @property
    def ref(self) -> DatasetRef:
        return self.manifest.ref

    @property
    def n_parts(self) -> int:
        return len(self.manifest.parts)

    def read_part(self, index: int, *, measured: bool = False) -> pa.Table:
        """One part's rows; with ``measured`` the observed columns too, otherwise those hold nulls or empty lists.

        Raises:
            DamagedDatasetError: the file is missing, unreadable, or holds other values than were written.
        """
        part = self.manifest.parts[index]
        table = self._read_file(part.file, part.hash)
        found = table_hash(table)
        if found != part.hash:
            raise self._damaged(part.file, part.hash, f"its values hash to {found}")
        return self._with_measured(_brought_forward(table, self.model), part, measured)

    def first_row(self, index: int) -> int:
        """How many rows come before the part."""
        return sum(part.rows for part in self.manifest.parts[:index])

    def parts(self, *, measured: bool = False) -> Iterator[pa.Table]:
        """All parts in order, one in memory at a time."""
        return (self.read_part(index, measured=measured) for index in range(self.n_parts))

    def read_rows(self, start: int, stop: int) -> pa.Table:
        """Rows ``start`` to ``stop``, end exclusive, from the parts that hold them; fewer where the dataset ends."""
        found = [arrow_schema(self.model).empty_table()]
        for index, part in enumerate(self.manifest.parts):
            first = self.first_row(index)
            begin, end = max(start - first, 0), min(stop - first, part.rows)
            if begin < end:
                found.append(self.read_part(index).slice(begin, end - begin))
        return pa.concat_tables(found)

    def to_arrow(self, *, measured: bool = False) -> pa.Table:
        """Everything as one Arrow table."""
        return pa.concat_tables([arrow_schema(self.model).empty_table(), *self.parts(measured=measured)])

    def to_pandas(self, *, measured: bool = False) -> "pd.DataFrame":
        """Everything as a pandas frame with Arrow-backed columns."""
        import pandas as pd

        frame: pd.DataFrame = self.to_arrow(measured=measured).to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def to_duckdb(self, connection: "duckdb.DuckDBPyConnection | None" = None) -> "duckdb.DuckDBPyRelation":
        """A DuckDB relation over the part files, read lazily; every part is checked first. Measured fields left out."""
        import duckdb

        self.verify()
        connection = connection or duckdb.connect()
        if not self.manifest.parts:
            empty = arrow_schema(self.model).empty_table().drop_columns(measured_fields(self.model))
            return connection.from_arrow(empty)
        return connection.read_parquet([str(self.folder / part.file) for part in self.manifest.parts])

    def columns(self, names: list[str]) -> Iterator[pa.Table]:
        """Some columns, part by part, unchecked: for indexes over datasets that were just written."""
        return (_read_parquet(self.folder / part.file, names) for part in self.manifest.parts)

    def verify(self) -> None:
        """Re-hash every part.

        Raises:
            DamagedDatasetError: at the first part that differs, with file and expected hash.
        """
        for index in range(self.n_parts):
            self.read_part(index)

    def _read_file(self, file: str, expected: str) -> pa.Table:
        try:
            return _read_parquet(self.folder / file)
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(file, expected, str(error)) from error

    def _with_measured(self, table: pa.Table, part: Part, measured: bool) -> pa.Table:
        schema = arrow_schema(self.model)
        names = measured_fields(self.model)
        if not names:
            return table.cast(schema)
        if measured and part.measured_file is not None:
            beside = self._read_file(part.measured_file, part.hash)
            columns = {name: _measured(beside, schema.field(name)) for name in names}
        else:
            columns = {name: _blank(schema.field(name), table.num_rows) for name in names}
        by_name = {name: columns[name] if name in columns else table.column(name) for name in schema.names}
        return pa.table(by_name, schema=schema)

    def _damaged(self, file: str, expected: str, why: str) -> DamagedDatasetError:
        path = self.folder / file
        return DamagedDatasetError(
            f"{path} is damaged: expected values with hash {expected}, but {why}; restore it or run its stage again",
            file=str(path),
            expected=expected,
        )


def _read_parquet(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A part is small: threads and reading ahead cost more than they save, and parts are read side by side."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        return file.read(columns=columns, use_threads=False)


def _brought_forward(table: pa.Table, model: type[BaseModel]) -> pa.Table:
    """The columns that a later version of the record added, with their defaults: versions add nothing else."""
    schema, core = arrow_schema(model), set(arrow_schema(model).names) - set(measured_fields(model))
    for name in [name for name in schema.names if name in core and name not in table.column_names]:
        default = model.model_fields[name].get_default(call_default_factory=True)
        table = table.append_column(schema.field(name), pa.array([default] * table.num_rows, schema.field(name).type))
    return table.select([name for name in schema.names if name in core])


def _measured(beside: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    """A measured column; what a later version of the record added is blank."""
    known = field.name in beside.column_names
    return beside.column(field.name).cast(field.type) if known else _blank(field, beside.num_rows)


def _blank(field: pa.Field, n_rows: int) -> pa.Array:
    return pa.array([[]] * n_rows, field.type) if pa.types.is_list(field.type) else pa.nulls(n_rows, field.type)


def read_manifest(folder: Path, expected_hash: str) -> Manifest:
    """The manifest of a dataset folder, its content hash recomputed.

    Raises:
        DamagedDatasetError: not a manifest of ours, or one that promises other content than its name.
    """
    path = folder / MANIFEST_FILE
    try:
        manifest = Manifest.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        reason = "cannot be read" if isinstance(error, OSError) else "is not a Millrace manifest"
        raise DamagedDatasetError(
            f"{path} {reason}; expected the manifest of {expected_hash}", file=str(path), expected=expected_hash
        ) from error
    found = content_hash(manifest.kind, manifest.schema_version, manifest.parts)
    if not found == manifest.content_hash == expected_hash:
        raise DamagedDatasetError(
            f"{path} describes content {found}, expected {expected_hash}: it was edited or is foreign",
            file=str(path),
            expected=expected_hash,
        )
    return manifest
