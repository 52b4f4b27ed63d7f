"""Puts the spans of an OTLP/JSON file together to traces, in bounded memory (A13).

The spans of one trace may lie in several lines, as exporters write them in batches. So the file is read twice: once to
find the row in which each trace comes last, and once to collect; a trace is complete with its last row. Held at a time
are the spans of traces that have begun and not ended, 64 MiB of their text at most. When there are more, the trace that
began first is set aside (``too_spread``); a trace of more than 16 MiB is set aside too (``too_long``).

Source: see ``millrace.methods.otlp``.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from millrace.errors import BadInputError
from millrace.ingestion.readers import RawRow, Row, batches, sized_rows
from millrace.ingestion.row_bytes import MAX_ROW_BYTES, UnreadableRow
from millrace.ingestion.row_objects import object_of
from millrace.methods.otlp import plain_attributes

MAX_OPEN_BYTES = 64 * 2**20
LISTS = ("resourceSpans", "batches")  # ``batches`` is Tempo's and Grafana's name

_TRACE_ID = re.compile(rb'"traceId"\s*:\s*"([^"\\]{1,512})"')
_SCOPES = ("scopeSpans", "instrumentationLibrarySpans")  # the second name until 2022
_NOT_OTLP = (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)


@dataclass
class _Open:
    """A trace of which more rows may come."""

    line: int
    n_bytes: int = 0
    spans: list[dict[str, Any]] = field(default_factory=list)


def read_otlp(path: Path) -> Iterator[list[Row]]:
    """The traces of a file, each as a row ``{"traceId": ..., "spans": [...]}``, in the order in which they end.

    Spans have plain attributes, those of their resource under ``resource``. The row's line is that of its first span. A
    row of the file that holds no spans, and a span that is none, are unreadable rows.

    Raises:
        NotFoundError: no such file.
    """
    last = _last_rows(path)
    collected = _Collected()
    taken = (found for row in _rows(path) for found in collected.take(row, last))
    yield from batches(chain(taken, collected.rest()))


def _rows(path: Path) -> Iterator[Row]:
    return (row for _, row in sized_rows(path, LISTS))


def _last_rows(path: Path) -> dict[str, int]:
    """The last row of each trace; a link to a trace counts too, which holds it open longer and does no harm."""
    last: dict[str, int] = {}
    for row in _rows(path):
        if isinstance(row, RawRow) and isinstance(row.content, bytes):
            last.update(
                (found[1].decode(errors="replace").lower(), row.line) for found in _TRACE_ID.finditer(row.content)
            )
    return last


class _Collected:
    """The traces that have begun and not ended, first begun first."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._refused: dict[str, UnreadableRow] = {}
        self._n_bytes = 0

    def take(self, row: Row, last: dict[str, int]) -> Iterator[tuple[int, Row]]:
        """Add a row's spans; what is finished by it, with the bytes it takes."""
        try:
            spans = list(_spans_of(object_of(row)))
        except BadInputError as error:
            yield 0, _unreadable(row, error)
            return
        size = _size(row) // max(1, len(spans))
        touched: dict[str, None] = {}
        for span in spans:
            if isinstance(span, BadInputError):
                yield 0, _unreadable(row, span)
            else:
                self._add(span, row.line, size)
                touched[span["traceId"]] = None
        for trace_id in touched:
            if last.get(trace_id, 0) <= row.line:
                yield self._finish(trace_id)

    def rest(self) -> Iterator[tuple[int, Row]]:
        """What has not ended when the file has: of such a trace a later row could not be read."""
        for trace_id in [*self._open, *self._refused]:
            yield self._finish(trace_id)

    def _add(self, span: dict[str, Any], line: int, size: int) -> None:
        trace_id = span["traceId"]
        if trace_id in self._refused:
            return
        trace = self._open.setdefault(trace_id, _Open(line))
        trace.spans.append(span)
        trace.n_bytes += size
        self._n_bytes += size
        if trace.n_bytes > MAX_ROW_BYTES:
            self._refuse(trace_id, "too_long", f"a trace of more than {MAX_ROW_BYTES} bytes")
        while self._n_bytes > MAX_OPEN_BYTES:
            self._refuse(next(iter(self._open)), "too_spread", "its spans lie too far apart: sort the file by trace")

    def _refuse(self, trace_id: str, reason: str, message: str) -> None:
        _, row = self._finish(trace_id)
        self._refused[trace_id] = UnreadableRow(row.line, reason, message, row.row_hash)

    def _finish(self, trace_id: str) -> tuple[int, Row]:
        if trace_id in self._refused:
            return 0, self._refused.pop(trace_id)
        trace = self._open.pop(trace_id)
        self._n_bytes -= trace.n_bytes
        return trace.n_bytes, RawRow(trace.line, {"traceId": trace_id, "spans": trace.spans})


def _spans_of(document: dict[str, Any]) -> Iterator[dict[str, Any] | BadInputError]:
    """The document's spans, flat; an error in place of one that is none.

    Raises:
        BadInputError: with a ``reason``, when nothing in it can hold spans.
    """
    resources = next((document[name] for name in LISTS if name in document), None)
    if resources is None and any(name in document for name in _SCOPES):
        resources = [document]  # one element of ``resourceSpans``
    if not isinstance(resources, list):
        raise BadInputError("no resourceSpans: not traces in OTLP/JSON", reason="missing_field")
    for resource in resources:
        try:
            shared = plain_attributes((resource.get("resource") or {}).get("attributes") or ())
            scopes = next((resource[name] for name in _SCOPES if name in resource), None) or ()
            spans = [span for scope in scopes for span in scope.get("spans") or ()]
        except _NOT_OTLP:
            yield BadInputError("a resource that OTLP does not write so", reason="wrong_type")
            continue
        yield from (_flat(span, shared) for span in spans)


def _flat(span: Any, resource: dict[str, Any]) -> dict[str, Any] | BadInputError:
    try:
        trace_id = span["traceId"].lower()
        if not trace_id:
            return BadInputError("a span without a trace id", reason="missing_field")
        return {
            "traceId": trace_id,
            "spanId": str(span.get("spanId") or ""),
            "parentSpanId": str(span.get("parentSpanId") or ""),
            "name": str(span.get("name") or "unknown"),
            "start": int(span.get("startTimeUnixNano") or 0),
            "end": int(span.get("endTimeUnixNano") or 0),
            "status": dict(span.get("status") or {}),
            "attributes": plain_attributes(span.get("attributes") or ()),
            "events": [_event(event) for event in span.get("events") or ()],
            "resource": resource,
        }
    except KeyError:
        return BadInputError("a span without a trace id, or an attribute without a name", reason="missing_field")
    except _NOT_OTLP:
        return BadInputError("a span that OTLP does not write so", reason="wrong_type")


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return {"name": str(event.get("name") or ""), "attributes": plain_attributes(event.get("attributes") or ())}


def _size(row: Row) -> int:
    return len(row.content) if isinstance(row, RawRow) and isinstance(row.content, bytes) else 0


def _unreadable(row: Row, error: BadInputError) -> UnreadableRow:
    return UnreadableRow(row.line, str(error.details["reason"]), str(error), row.row_hash)
