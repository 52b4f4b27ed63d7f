"""Question and answer of the few traces that a report shows."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.records.report import ExampleTrace
from millrace.reports.wording import excerpt

TextsOf = Callable[[Sequence[str]], pa.Table]
"""Columns trace_id, question and answer of the traces with these ids, in any order."""

_READ_CHARS = 4000  # of a text, however long it is: an excerpt needs no more


def texts_in(traces: pa.Table) -> TextsOf:
    """The texts of a table that holds them, for traces that fit into memory."""

    def find(trace_ids: Sequence[str]) -> pa.Table:
        wanted = pc.is_in(traces.column("trace_id"), pa.array(trace_ids, pa.string()))
        return traces.filter(wanted)

    return find


def read_texts(texts_of: TextsOf, trace_ids: set[str]) -> dict[str, ExampleTrace]:
    """Excerpts by trace id.

    Raises:
        BadInputError: an id that is no trace of the window.
    """
    ids = sorted(trace_ids)
    if not ids:
        return {}
    table = texts_of(ids)
    cut = [pc.utf8_slice_codeunits(table.column(name), 0, _READ_CHARS).to_pylist() for name in ("question", "answer")]
    rows = zip(table.column("trace_id").to_pylist(), *cut, strict=True)
    found = {
        trace_id: ExampleTrace(
            trace_id=trace_id, question=excerpt(question), answer=None if answer is None else excerpt(answer)
        )
        for trace_id, question, answer in rows
    }
    missing = [trace_id for trace_id in ids if trace_id not in found]
    if missing:
        raise BadInputError(f"no traces of the window: {missing[:10]}", missing=missing)
    return found
