"""The time line of a trace: which timing is whose, and where what nobody timed is placed."""

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.methods.trace_forms import restored, timeline, trace_marks
from millrace.records.trace import Trace, utc
from tests.support.traces import TRACES

TIME = utc(2026, 11, 16)


def _trace(**fields: object) -> Trace:
    return Trace.model_validate({"trace_id": "t", "time": TIME, "tenant_id": "a", "question": "?"} | fields)


def _ms(milliseconds: float) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def test_the_nth_timing_of_a_name_belongs_to_the_nth_span_of_that_name() -> None:
    names = ["search", "rank", "search"]
    timings = [
        {"name": "search", "duration_ms": 10},
        {"name": "write", "duration_ms": 1},
        {"name": "search", "duration_ms": 30},
    ]

    entries = timeline(_trace(spans=[{"name": name} for name in names], timings=timings))

    assert [(each.name, each.marks.get("span"), each.marks.get("timing")) for each in entries] == [
        ("search", 0, 0),
        ("rank", 1, None),
        ("search", 2, 2),
        ("write", None, 1),
    ]


def test_what_has_no_start_follows_what_came_before() -> None:
    later = TIME + _ms(500)
    timings = [
        {"name": "a", "duration_ms": 10},
        {"name": "c", "duration_ms": 5, "start": later},
        {"name": "d", "duration_ms": 2},
    ]

    entries = timeline(_trace(spans=[{"name": name} for name in "abcd"], timings=timings))

    assert [(each.start - TIME, each.end - TIME) for each in entries] == [
        (_ms(0), _ms(10)),
        (_ms(10), _ms(10)),
        (_ms(500), _ms(505)),
        (_ms(505), _ms(507)),
    ]


def test_a_duration_beyond_every_calendar_is_kept_as_a_mark() -> None:
    (entry,) = timeline(_trace(timings=[{"name": "a", "duration_ms": 1e300}]))

    assert (entry.end, entry.marks["duration_ms"]) == (TIME, 1e300)


def test_calls_come_last_at_the_traces_time_with_what_they_took() -> None:
    call = {"purpose": "generation", "model": "m", "tries": 2, "duration_ms": 40, "input_tokens": 3}

    entry = timeline(_trace(spans=[{"name": "a"}], calls=[call]))[-1]

    assert (entry.name, entry.start, entry.end) == ("chat m", TIME, TIME + _ms(40))
    assert entry.marks == {"call": 0} | call


def test_marks_leave_out_what_has_its_default() -> None:
    assert trace_marks(_trace(route="docs"), ["tenant_id", "route", "citations", "error"]) == {
        "tenant_id": "a",
        "route": "docs",
    }


@settings(deadline=None)
@given(TRACES, st.randoms(use_true_random=False))
def test_a_time_line_in_any_order_gives_spans_timings_and_calls_back(trace: Trace, chance: random.Random) -> None:
    entries = [(each.name, [a.model_dump() for a in each.attributes], each.marks) for each in timeline(trace)]
    chance.shuffle(entries)

    found = Trace.model_validate(trace.model_dump(exclude={"spans", "timings", "calls"}) | restored(entries))

    assert found == trace


def test_a_place_that_is_no_number_is_refused() -> None:
    with pytest.raises(BadInputError) as caught:
        restored([("a", [], {"span": "first"})])
    assert caught.value.details["reason"] == "wrong_type"
