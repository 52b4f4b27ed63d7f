"""Evidence from the shards of a file: one record for each tree, at its root's place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.distillation.collect_blocks import Reading, columns_of, placed, skip_row
from millrace.distillation.collect_lines import RANGE_BYTES, LineBlock, line_at, line_ranges, open_stream, read_blocks
from millrace.distillation.evidence import marker
from millrace.distillation.stream_mapping import TreeMapping
from millrace.distillation.stream_rows import RowReader, Values, node_name, object_of
from millrace.distillation.stream_sources import as_scalar
from millrace.distillation.tree_texts import BrokenTree, Shard, TreeText, assemble
from millrace.errors import BadInputError
from millrace.methods.field_paths import MISSING
from millrace.records.evidence import Evidence
from millrace.records.trace import SkipRow

_BROKEN = "broken_tree"


@dataclass
class _Found:
    """Records and skips so far; skips with the line they are of."""

    records: list[tuple[int, str, Values]] = field(default_factory=list)
    skips: list[SkipRow] = field(default_factory=list)


class TreeReader:
    """Reads the shards of one file; its other rows are left to others. Holds the shards' texts in memory."""

    def __init__(self, path: Path, reading: Reading, tree: TreeMapping) -> None:
        self._path, self._reading, self._tree = path, reading, tree
        self._rows = RowReader(reading.mapping, reading.default_time, reading.tenant_id)

    def read(self, only_offset: int | None = None) -> tuple[pa.Table, list[SkipRow]]:
        """The texts in the order of their roots, and in line order a skip for each shard that is in none.

        Args:
            only_offset: leave out all texts but the one whose root lies at this byte.
        """
        found = _Found()
        places: list[tuple[int, int]] = []
        for tree in assemble(self._shards(found, places)):
            if isinstance(tree, BrokenTree):
                self._break(tree.shards, tree.fault, found, places)
            elif only_offset is None or places[tree.root.place][0] == only_offset:
                self._take(tree, found, places)
        found.skips.sort(key=lambda skip: skip.line)
        found.records.sort(key=lambda record: record[0])
        return self._evidence(found), found.skips

    def _evidence(self, found: _Found) -> pa.Table:
        if not found.records:
            return arrow_schema(Evidence).empty_table()
        offsets, hashes, values = zip(*found.records, strict=True)
        return placed(self._reading, columns_of(values), list(hashes), np.array(offsets, np.int64))

    def _take(self, tree: TreeText, found: _Found, places: Sequence[tuple[int, int]]) -> None:
        offset, line = places[tree.root.place]
        block = line_at(self._path, offset)
        try:
            if block is None or not len(block):
                raise BadInputError("the file changed while it was read", reason=_BROKEN)
            values = self._rows.records(object_of(block.line(0)), tree.text)[0]
        except BadInputError as error:
            found.skips.append(skip_row(self._reading.source_name, line, tree.root.row_hash, error))
            self._break(tree.shards[1:], "the row of the root is skipped", found, places)
            return
        values["markers"] += [marker("shards", len(tree.shards)), marker("shards_hash", tree.shards_hash)]
        found.records.append((offset, tree.root.row_hash, values))

    def _break(self, shards: Sequence[Shard], fault: str, found: _Found, places: Sequence[tuple[int, int]]) -> None:
        for shard in shards:
            error = BadInputError(f"tree: {fault}", reason=_BROKEN)
            line = places[shard.place][1]
            found.skips.append(skip_row(self._reading.source_name, line, shard.row_hash, error))

    def _shards(self, found: _Found, places: list[tuple[int, int]]) -> Iterator[Shard]:
        for block in self._blocks():
            for index in range(len(block)):
                line = block.line(index)
                try:
                    row = object_of(line) if self._may_be_shard(line) else {}
                    node = self._rows.shard(row)
                except BadInputError:
                    continue  # skipped where the other rows are read
                if node is None:
                    continue
                number, row_hash = int(block.numbers[index]), block.row_hash(index)
                try:
                    shard = self._shard(row, node, row_hash, len(places))
                except BadInputError as error:
                    broken = BadInputError(f"tree: {error}", reason=_BROKEN)
                    found.skips.append(skip_row(self._reading.source_name, number, row_hash, broken))
                else:
                    places.append((block.offset + int(block.starts[index]), number))
                    yield shard

    def _blocks(self) -> Iterator[LineBlock]:
        with open_stream(self._path) as file:
            for lines in line_ranges(self._path, RANGE_BYTES):
                yield from (block for block in read_blocks(file, lines) if isinstance(block, LineBlock))

    def _may_be_shard(self, line: bytes) -> bool:
        """Whether the line can hold the key of a shard's name, which stands in it as it is unless it is escaped."""
        key = next((step for step in reversed(self._tree.node.steps) if isinstance(step, str)), "")
        return b"\\" in line or key.encode(errors="surrogatepass") in line

    def _shard(self, row: dict[str, object], node: str, row_hash: str, place: int) -> Shard:
        group = None if self._tree.group is None else node_name(self._tree.group, row, "group")
        parent = node_name(self._tree.parent, row, "parent")
        return Shard(node, parent, self._position(row), self._rows.piece(row), row_hash, group, place)

    def _position(self, row: dict[str, object]) -> int | None:
        found = self._tree.position.look_up(row)
        if found is MISSING or found is None:
            return None
        value = as_scalar(found, "position")
        return value if isinstance(value, int) and not isinstance(value, bool) else None
