"""What Millrace writes beside another tool's fields, so that a trace comes back as it went out (A13).

Other tools' forms have places for question, answer, passages, tokens and times. What they have no place for are the
*marks*: named values under ``millrace``. A reader that knows them restores the trace exactly; every other reader passes
them over.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from millrace.errors import BadInputError
from millrace.records.trace import Attribute, ModelCall, SpanTiming, Trace

Marks = dict[str, Any]

_TIMING_FIELDS = frozenset(SpanTiming.model_fields) - {"name"}
_CALL_FIELDS = frozenset(ModelCall.model_fields)


@dataclass(frozen=True)
class Entry:
    """A piece of a trace's time line: a span with its timing, a timing that no span has, or a model call."""

    name: str
    start: datetime
    end: datetime
    attributes: tuple[Attribute, ...]
    marks: Marks
    call: ModelCall | None = None


def trace_marks(trace: Trace, fields: Iterable[str]) -> Marks:
    """The trace's fields of these names in their JSON form, without those that have their default."""
    return trace.model_dump(mode="json", include=set(fields), exclude_defaults=True)


def timeline(trace: Trace) -> list[Entry]:
    """Spans in order, then timings without a span, then calls.

    The n-th timing of a name belongs to the n-th span of that name. A span whose start nobody noted is placed where the
    one before it ends, the first at the trace's time; a call at the trace's time. Marks hold what was noted.
    """
    entries: list[Entry] = []
    cursor = trace.time
    for span_index, timing_index in _pairs(trace):
        span = None if span_index is None else trace.spans[span_index]
        timing = None if timing_index is None else trace.timings[timing_index]
        start = timing.start if timing and timing.start else cursor
        cursor = _after(start, timing.duration_ms if timing else 0.0)
        marks = {} if span is None else {"span": span_index}
        if timing is not None:
            marks |= {"timing": timing_index} | timing.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        name = span.name if span else timing.name if timing else ""
        entries.append(Entry(name, start, cursor, tuple(span.attributes) if span else (), marks))
    return entries + [_call(trace, index) for index in range(len(trace.calls))]


def restored(entries: Iterable[tuple[str, list[dict[str, Any]], Mapping[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """``spans``, ``timings`` and ``calls`` of a trace, from name, attributes and marks of its entries in any order.

    Raises:
        BadInputError: with a ``reason``, when a place in the order is no number.
    """
    spans: dict[int, dict[str, Any]] = {}
    timings: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[str, Any]] = {}
    for name, attributes, marks in entries:
        if "span" in marks:
            spans[_index(marks["span"])] = {"name": name, "attributes": attributes}
        if "timing" in marks:
            timings[_index(marks["timing"])] = {"name": name} | _only(marks, _TIMING_FIELDS)
        if "call" in marks:
            calls[_index(marks["call"])] = _only(marks, _CALL_FIELDS)
    return {"spans": _in_order(spans), "timings": _in_order(timings), "calls": _in_order(calls)}


def _pairs(trace: Trace) -> Iterator[tuple[int | None, int | None]]:
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for index, timing in enumerate(trace.timings):
        waiting[timing.name].append(index)
    for index, span in enumerate(trace.spans):
        own = waiting[span.name]
        yield index, own.popleft() if own else None
    yield from ((None, index) for index in sorted(index for left in waiting.values() for index in left))


def _call(trace: Trace, index: int) -> Entry:
    call = trace.calls[index]
    marks = {"call": index} | call.model_dump(mode="json", exclude_defaults=True)
    return Entry(f"chat {call.model}", trace.time, _after(trace.time, call.duration_ms), (), marks, call)


def _after(start: datetime, duration_ms: float) -> datetime:
    try:
        return start + timedelta(milliseconds=duration_ms)
    except OverflowError:  # no calendar holds it; the mark does
        return start


def _index(value: Any) -> int:
    if not isinstance(value, int):
        raise BadInputError("a span's place among the spans is no number", reason="wrong_type")
    return value


def _only(marks: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in marks.items() if name in fields}


def _in_order(found: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [found[index] for index in sorted(found)]
