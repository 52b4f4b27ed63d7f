"""From a block of lines to evidence and skips: many rows at once, and by themselves those where that cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.collect_cells import Cells
from millrace.distillation.collect_columns import record_columns
from millrace.distillation.collect_lines import LineBlock
from millrace.distillation.collect_parse import Mask, Rows
from millrace.distillation.collect_plan import ColumnPlan, NotColumnarError
from millrace.distillation.evidence import ID_DIGITS, as_evidence
from millrace.distillation.stream_mapping import StreamMapping
from millrace.distillation.stream_rows import RowReader, Values, object_of, shard_name
from millrace.distillation.stream_sources import PathSource
from millrace.errors import BadInputError
from millrace.records.evidence import Evidence
from millrace.records.trace import SkipRow


@dataclass(frozen=True)
class Reading:
    """How the rows of one file are read.

    Attributes:
        source_name: what evidence and skips call the file.
        default_time, tenant_id: for rows that say neither.
        columnwise: whether rows are read together where they can be; the evidence is the same.
    """

    mapping: StreamMapping
    source_name: str
    default_time: datetime | None = None
    tenant_id: str | None = None
    columnwise: bool = True


@dataclass(frozen=True)
class _Piece:
    """Evidence, and of which line of the block each of its rows is."""

    evidence: pa.Table
    lines: Rows


class BlockReader:
    """Reads blocks of lines; shards of trees are left out."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._rows = RowReader(reading.mapping, reading.default_time, reading.tenant_id)
        self._plan = _plan(reading)

    def read(self, block: LineBlock) -> tuple[pa.Table, list[SkipRow]]:
        """The evidence of a block in line order, and a skip for each line that gives none."""
        done, pieces = self._together(block)
        alone, skips = self._alone(block, np.flatnonzero(~done))
        return _in_order(pieces + alone), skips

    def _together(self, block: LineBlock) -> tuple[Mask, list[_Piece]]:
        """The lines that are done with, and their evidence."""
        done = np.zeros(len(block), np.bool_)
        if self._plan is None:
            return done, []
        table, lines = self._plan.read(block)
        cells = Cells(table.combine_chunks())
        shards = _shards(cells, self._reading.mapping)
        found = [
            record_columns(cells, variant, self._reading.default_time, self._rows.tenant_id)
            for variant in self._rows.variants
        ]
        done[lines] = shards | ~cells.bad
        taken = ~(shards | cells.bad)
        pieces = []
        for number, columns in enumerate(found):
            if not taken.all():
                columns = {name: column.filter(pa.array(taken)) for name, column in columns.items()}
            pieces.append(self._piece(block, lines[taken], columns, number))
        return done, pieces

    def _alone(self, block: LineBlock, lines: Rows) -> tuple[list[_Piece], list[SkipRow]]:
        records: list[list[Values]] = []
        taken: list[int] = []
        skips: list[SkipRow] = []
        for line in lines.tolist():
            try:
                row = object_of(block.line(line))
                if self._rows.shard(row) is None:
                    records.append(self._rows.records(row))
                    taken.append(line)
            except BadInputError as error:
                hashes = block.row_hashes
                skips.append(skip_row(self._reading.source_name, int(block.numbers[line]), hashes[line], error))
        if not taken:
            return [], skips
        places = np.array(taken, np.int64)
        variants = [columns_of(each) for each in zip(*records, strict=True)]
        return [self._piece(block, places, each, number) for number, each in enumerate(variants)], skips

    def _piece(self, block: LineBlock, lines: Rows, columns: dict[str, Any], number: int) -> _Piece:
        hashes, n_rows = block.row_hashes, len(lines)
        found = hashes if n_rows == len(hashes) else [hashes[line] for line in lines.tolist()]
        if len(self._rows.variants) > 1:
            columns = columns | {"evidence_id": self._ids(columns["evidence_id"], found, number)}
        return _Piece(placed(self._reading, columns, found, block.starts[lines] + block.offset), lines)

    def _ids(self, given: Any, hashes: list[str], number: int) -> pa.Array:
        """Records of one row have one hash: those without an id of their own are numbered, from 1."""
        made_up = [f"{self._reading.mapping.stream}-{row_hash[:ID_DIGITS]}-{number + 1}" for row_hash in hashes]
        return pc.coalesce(pa.array(given, pa.string()), pa.array(made_up, pa.string()))


def placed(reading: Reading, columns: dict[str, Any], hashes: list[str], offsets: Rows) -> pa.Table:
    """Evidence from the columns that the mapping gives, and where each row lies."""
    n_rows = len(hashes)
    place = {
        "stream": pa.repeat(reading.mapping.stream, n_rows),
        "source_file": pa.repeat(reading.source_name, n_rows),
        "source_offset": pa.array(offsets, pa.int64()),
        "row_hash": pa.array(hashes, pa.string()),
    }
    return as_evidence(columns | place, n_rows)


def columns_of(records: Sequence[Values]) -> dict[str, list[Any]]:
    """Values of records by field; at least one record."""
    return {name: [values[name] for values in records] for name in records[0]}


def skip_row(source: str, line: int, row_hash: str, error: BadInputError) -> SkipRow:
    """Where the row was, why it was set aside, and its hash; the error has a ``reason``."""
    reason = str(error.details["reason"])
    return SkipRow(source=source, line=line, reason=reason, message=str(error), row_hash=row_hash)


def _plan(reading: Reading) -> ColumnPlan | None:
    if not reading.columnwise:
        return None
    try:
        return ColumnPlan(reading.mapping)
    except NotColumnarError:
        return None


def _shards(cells: Cells, mapping: StreamMapping) -> Mask:
    if mapping.tree is None:
        return np.zeros(cells.n_rows, np.bool_)
    names = cells.words(cells.scalars(PathSource(path=mapping.tree.node)), lambda value: shard_name(value, "node"))
    return np.asarray(pc.not_equal(names, "").fill_null(False).to_numpy(zero_copy_only=False))


def _in_order(pieces: list[_Piece]) -> pa.Table:
    if len(pieces) == 1:
        return pieces[0].evidence
    table = pa.concat_tables([arrow_schema(Evidence).empty_table(), *[piece.evidence for piece in pieces]])
    lines = np.concatenate([np.zeros(0, np.int64), *[piece.lines for piece in pieces]])
    return table.take(pa.array(np.argsort(lines, kind="stable")))
