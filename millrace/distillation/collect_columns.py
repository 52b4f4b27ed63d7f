"""The records of many rows at once, as columns of evidence."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.distillation.collect_cells import Cells, Scalars
from millrace.distillation.collect_plan import names_of
from millrace.distillation.evidence import marker
from millrace.distillation.stream_mapping import IDENTIFIERS, LISTS, RecordSources
from millrace.distillation.stream_rows import IDENTIFIER_LENGTH, SPEAKERS, SPLITS
from millrace.distillation.stream_sources import ScalarSource, TurnsSource
from millrace.methods.field_paths import FieldPath

_TIME = (
    r"^(?:19|20)\d\d-\d\d-\d\d[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$"
)
"""Times that Arrow reads as pydantic does; others are read one by one."""

_STAMP = pa.timestamp("us", "UTC")


def record_columns(
    cells: Cells, sources: RecordSources, default_time: datetime | None, tenant_id: str
) -> dict[str, pa.Array]:
    """The columns of evidence that a mapping gives, one record a line; ``cells.bad`` tells which lines do not count."""
    columns = {name: _identifiers(cells, getattr(sources, name)) for name in IDENTIFIERS}
    columns["tenant_id"] = columns["tenant_id"].fill_null(tenant_id)
    columns["recorded_at"] = _times(cells, sources.recorded_at, default_time)
    columns["prompt"] = cells.text(sources.prompt)
    columns["text"] = cells.text(sources.text)
    columns["split"] = cells.text(sources.split)
    cells.mark(pc.invert(pc.is_in(columns["split"], pa.array([None, *SPLITS], pa.string()))))
    for name in ("recorded_at", "task_id", "text", "role"):
        cells.mark(columns[name].is_null())
    columns |= {name: _texts(cells, getattr(sources, name)) for name in LISTS}
    columns["history"] = _turns(cells, sources.history)
    if sources.marker_list is not None:
        columns["markers"] = _listed_markers(cells, sources.marker_list)
    else:
        found = {name: cells.scalars(source) for name, source in sources.markers.items()}
        columns["markers"] = _named_markers(found, cells.n_rows)
    return {name: column for name, column in columns.items() if column is not None}


def _identifiers(cells: Cells, source: ScalarSource | None) -> pa.Array:
    column = cells.text(source)
    if column.null_count == len(column):
        return column
    lengths = pc.utf8_length(column)
    cells.mark(pc.greater(lengths, IDENTIFIER_LENGTH))
    empty = pc.equal(lengths, 0)
    return pc.if_else(empty, pa.scalar(None, pa.string()), column) if pc.any(empty).as_py() else column


def _times(cells: Cells, source: ScalarSource | None, default_time: datetime | None) -> pa.Array:
    column = cells.text(source)
    if column.null_count < len(column):
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        readable = pc.match_substring_regex(column, _TIME)
        cells.mark(pc.invert(readable))
        column = pc.if_else(readable, column, pa.scalar(None, pa.string()))
    times = _cast(cells, column)
    return times if default_time is None else times.fill_null(pa.scalar(default_time, _STAMP))


def _cast(cells: Cells, column: pa.Array) -> pa.Array:
    try:
        return column.cast(_STAMP)
    except pa.ArrowInvalid:
        times = pa.array([_one_time(text) for text in column], _STAMP)
    cells.mark(pc.and_(times.is_null(), column.is_valid()))
    return times


def _one_time(text: pa.Scalar) -> pa.Scalar:
    try:
        return text.cast(_STAMP)
    except pa.ArrowInvalid:  # the 30th of February
        return pa.scalar(None, _STAMP)


def _texts(cells: Cells, path: FieldPath | None) -> pa.Array | None:
    if path is None:
        return None
    lists, items = cells.items(path)
    cells.mark_items(lists, items.is_null())
    return _rebuilt(lists, items.fill_null(""))


def _turns(cells: Cells, source: TurnsSource | None) -> pa.Array | None:
    if source is None:
        return None
    lists, turns = cells.items(source.path)
    speakers, texts = turns, turns
    for name in names_of(source.speaker):
        speakers = pc.struct_field(speakers, str(name))
    for name in names_of(source.text):
        texts = pc.struct_field(texts, str(name))
    encoded = pc.dictionary_encode(speakers)
    names = [source.speakers.get(name, name) for name in encoded.dictionary.to_pylist()]
    speakers = pa.array(names, pa.string()).take(encoded.indices)
    cells.mark_items(lists, pc.invert(pc.is_in(speakers, pa.array(SPEAKERS))))
    cells.mark_items(lists, texts.is_null())
    return _rebuilt(
        lists, pa.StructArray.from_arrays([speakers.fill_null(""), texts.fill_null("")], ["speaker", "text"])
    )


def _listed_markers(cells: Cells, path: FieldPath) -> pa.Array:
    lists, items = cells.items(path)
    names, values, numbers = (pc.struct_field(items, part) for part in ("name", "value", "number"))
    lengths = pc.utf8_length(names)
    for wrong in (names.is_null(), values.is_null(), pc.equal(lengths, 0), pc.greater(lengths, IDENTIFIER_LENGTH)):
        cells.mark_items(lists, wrong)
    numbers = pc.add(numbers, 0.0)  # minus zero is zero
    fields = [names.fill_null(""), values.fill_null(""), numbers]
    return _rebuilt(lists, pa.StructArray.from_arrays(fields, ["name", "value", "number"]))


def _named_markers(found: dict[str, Scalars], n_rows: int) -> pa.Array | None:
    if not found:
        return None
    parts = [_marker_rows(name, scalars) for name, scalars in found.items()]
    codes = np.stack([codes for codes, _ in parts], axis=1)
    starts = np.concatenate(([0], np.cumsum([len(rows) for _, rows in parts])))[:-1]
    given = codes >= 0
    picked = (codes + starts)[given]
    kind = pa.struct([("name", pa.string()), ("value", pa.string()), ("number", pa.float64())])
    distinct = pa.array([row for _, rows in parts for row in rows], kind)
    offsets = np.concatenate(([0], np.cumsum(given.sum(axis=1)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), distinct.take(pa.array(picked)))


def _marker_rows(name: str, scalars: Scalars) -> tuple[np.ndarray, list[dict[str, object] | None]]:
    rows = [marker(name, value) for value in scalars.values]
    absent = np.array([*[row is None for row in rows], True])
    return np.where(absent[scalars.codes], -1, scalars.codes), rows


def _rebuilt(lists: pa.Array, items: pa.Array) -> pa.Array:
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), items)
