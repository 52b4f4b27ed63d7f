"""Takes personal data out of evidence before it is stored."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from millrace.methods.pseudonyms import pseudonym
from millrace.methods.redaction import Redactor

_TEXTS = ("prompt", "text")
_PEOPLE = ("user_id", "producer")


def redact_evidence(evidence: pa.Table, redactor: Redactor) -> pa.Table:
    """The same rows without the personal data that the redactor recognises.

    Covers prompt, history, contexts, text and the words of markers; a user or producer whose name is personal data gets
    a pseudonym, as in traces. Ids, subjects and file names stay: other data is found by them. Hashes stay too: they are
    of the row as it lies in its file.
    """
    redact = _remembered(lambda text: redactor.redact(text).text)
    name = _remembered(lambda text: pseudonym(text, redactor).text)
    for column, change in [*((each, redact) for each in _TEXTS), *((each, name) for each in _PEOPLE)]:
        evidence = _with(evidence, column, _changed(_whole(evidence, column), change))
    contexts = _whole(evidence, "contexts")
    evidence = _with(evidence, "contexts", _rebuilt(contexts, _changed(contexts.flatten(), redact)))
    for column, field in (("history", "text"), ("markers", "value")):
        lists = _whole(evidence, column)
        evidence = _with(evidence, column, _rebuilt(lists, _with_field(lists.flatten(), field, redact)))
    return evidence


def _remembered(change: Callable[[str], str]) -> Callable[[str], str]:
    """Prompts, passages and the words of markers come many times in one batch."""
    known: dict[str, str] = {}

    def look(text: str) -> str:
        found = known.get(text)
        if found is None:
            found = known[text] = change(text)
        return found

    return look


def _whole(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    index = table.schema.get_field_index(name)
    return table.set_column(index, table.schema.field(index), values.cast(table.schema.field(index).type))


def _changed(texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    return pa.array([None if text is None else change(text) for text in texts.to_pylist()], pa.string())


def _with_field(items: pa.StructArray, field: str, change: Callable[[str], str]) -> pa.Array:
    names = [each.name for each in items.type]
    children = [_changed(pc.struct_field(items, n), change) if n == field else pc.struct_field(items, n) for n in names]
    return pa.StructArray.from_arrays(children, fields=list(items.type))


def _rebuilt(lists: pa.ListArray, items: pa.Array) -> pa.Array:
    lengths = pc.list_value_length(lists)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths.cast(pa.int64()))])
    return pa.ListArray.from_arrays(offsets.cast(pa.int32()), items, type=lists.type)
