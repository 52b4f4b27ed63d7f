"""Which columns of a file a mapping reads."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from millrace.distillation.collect_lines import LineBlock
from millrace.distillation.collect_parse import Rows, parsed_lines, plain_lines
from millrace.distillation.stream_mapping import IDENTIFIERS, LISTS, TEXTS, RecordSources, StreamMapping
from millrace.distillation.stream_rows import object_of
from millrace.distillation.stream_sources import AggregateSource, PathSource, TurnsSource
from millrace.errors import BadInputError
from millrace.methods.field_paths import MISSING, FieldPath, Sign

Names = tuple[str | Sign, ...]
Kinds = dict[Names, pa.DataType]
_Tree = dict[str | Sign, Any]
_SNIFFED = 64
_SCALAR = "scalar"


class NotColumnarError(Exception):
    """These lines, or this mapping, must be read row by row."""


class ColumnPlan:
    """The columns that a mapping reads.

    Raises:
        NotColumnarError: the mapping asks for what columns cannot give: an element of a list, a conversation, one
            path as two things.
    """

    def __init__(self, mapping: StreamMapping) -> None:
        self._tree: _Tree = {}
        self._scalars: dict[Names, FieldPath] = {}
        if mapping.tree is not None:
            self._scalar(mapping.tree.node)
        for variant in mapping.variants:
            self._record(variant)

    def read(self, block: LineBlock) -> tuple[pa.Table, Rows]:
        """The columns of the lines of a block that can be read together, and which lines these are, in order."""
        lines = np.flatnonzero(plain_lines(block))
        kinds = self._sniffed(block, lines) if len(lines) else {}
        return parsed_lines(block, lines, pa.schema(_struct(self._tree, kinds)))

    def _record(self, sources: RecordSources) -> None:
        if sources.conversation is not None or (sources.markers and sources.marker_list is not None):
            raise NotColumnarError
        for name in (*IDENTIFIERS, *TEXTS):
            source = getattr(sources, name)
            plain = isinstance(source, PathSource) and source.values is None
            for path in source.paths if source is not None else []:
                self._add(names_of(path), "text") if plain else self._scalar(path)
        for source in (sources.recorded_at, *sources.markers.values()):
            for path in source.paths if source is not None else []:
                self._marker(source, path)
        self._lists(sources)

    def _lists(self, sources: RecordSources) -> None:
        for name in LISTS:
            if getattr(sources, name) is not None:
                self._add(as_list(getattr(sources, name)), "text")
        if sources.history is not None:
            self._turns(sources.history)
        if sources.marker_list is not None:
            for part, kind in (("name", "text"), ("value", "text"), ("number", "number")):
                self._add((*as_list(sources.marker_list), part), kind)

    def _marker(self, source: object, path: FieldPath) -> None:
        if isinstance(source, AggregateSource):
            self._add(as_list(path), "number")
        else:
            self._scalar(path)

    def _turns(self, source: TurnsSource) -> None:
        for part in (source.speaker, source.text):
            if Sign.EVERY in part.steps:
                raise NotColumnarError
            self._add((*as_list(source.path), *names_of(part)), "text")

    def _scalar(self, path: FieldPath) -> None:
        self._add(names_of(path), _SCALAR)
        self._scalars[names_of(path)] = path

    def _add(self, names: Names, kind: str) -> None:
        if names.count(Sign.EVERY) > 1:
            raise NotColumnarError
        tree = self._tree
        for name in names[:-1]:
            tree = tree.setdefault(name, {})
            if not isinstance(tree, dict):
                raise NotColumnarError
        before = tree.get(names[-1], kind)
        if isinstance(before, dict) or {before, kind} == {"text", "number"}:
            raise NotColumnarError
        tree[names[-1]] = kind if before == kind else _SCALAR
        if (Sign.EVERY in tree and len(tree) > 1) or (_SCALAR in (before, kind) and Sign.EVERY in names):
            raise NotColumnarError

    def _sniffed(self, block: LineBlock, rows: Rows) -> Kinds:
        """What scalars are in most of a few lines; a guess that costs time where it is wrong, and nothing else."""
        seen: dict[Names, Counter[pa.DataType]] = {names: Counter() for names in self._scalars}
        if seen:
            for index in np.unique(np.linspace(0, len(rows) - 1, _SNIFFED).astype(np.int64)).tolist():
                _count_kinds(block.line(int(rows[index])), self._scalars, seen)
        return {
            names: max(counts, key=lambda kind: counts[kind], default=pa.string()) for names, counts in seen.items()
        }


def _count_kinds(line: bytes, paths: dict[Names, FieldPath], seen: dict[Names, Counter[pa.DataType]]) -> None:
    try:
        row = object_of(line)
        found = {names: path.look_up(row) for names, path in paths.items()}
    except BadInputError:
        return
    for names, value in found.items():
        if value is not None and value is not MISSING:
            seen[names][_arrow_kind(value)] += 1


def _arrow_kind(value: object) -> pa.DataType:
    if isinstance(value, bool):
        return pa.bool_()
    return pa.float64() if isinstance(value, int | float) else pa.string()


def names_of(path: FieldPath) -> Names:
    if any(isinstance(step, int | slice) for step in path.steps) or path.steps[0] is Sign.EVERY:
        raise NotColumnarError
    return tuple(step for step in path.steps if isinstance(step, str | Sign))


def as_list(path: FieldPath) -> Names:
    """The names of a path to a list, up to and with its elements."""
    names = names_of(path)
    return names if Sign.EVERY in names else (*names, Sign.EVERY)


def _struct(tree: _Tree, kinds: Kinds, above: Names = ()) -> list[pa.Field]:
    return [pa.field(str(name), _type(node, kinds, (*above, name))) for name, node in tree.items()]


def _type(node: Any, kinds: Kinds, names: Names) -> pa.DataType:
    if isinstance(node, dict):
        every = node.get(Sign.EVERY)
        if every is not None:
            return pa.list_(_type(every, kinds, (*names, Sign.EVERY)))
        return pa.struct(_struct(node, kinds, names))
    if node == _SCALAR:
        return kinds.get(names, pa.string())
    return pa.string() if node == "text" else pa.float64()
