"""Ids, times and values as OTLP/JSON writes them."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from millrace.methods.otlp import attributes_of, nanoseconds, otlp_span_id, otlp_trace_id, plain_attributes, time_of

VALUES = st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)


def test_a_trace_id_of_otlps_form_stays_and_any_other_is_hashed() -> None:
    known = "5b8efff798038103d269b633813fc60c"
    # printf t1 | sha256sum
    assert otlp_trace_id("t1") == "628b49d96dcde97a430dd4f597705899"
    assert otlp_trace_id(known) == known
    for other in (known.upper(), known[:-1], "0" * 32, ""):
        assert otlp_trace_id(other) != other
        assert len(bytes.fromhex(otlp_trace_id(other))) == 16


def test_span_ids_are_eight_bytes_and_differ_by_trace_and_number() -> None:
    ids = {otlp_span_id(trace, number) for trace in ("a", "b") for number in range(100)}

    assert len(ids) == 200
    assert {len(bytes.fromhex(each)) for each in ids} == {8}


def test_times_are_nanoseconds_since_1970_within_what_64_bits_hold() -> None:
    assert nanoseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == "1000005000"
    assert nanoseconds(datetime(1969, 1, 1, tzinfo=UTC)) == "0"
    assert nanoseconds(datetime(2600, 1, 1, tzinfo=UTC)) == str(2**64 - 1)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2554, 1, 1), timezones=st.just(UTC)))
def test_a_time_comes_back_to_the_microsecond(time: datetime) -> None:
    assert time_of(int(nanoseconds(time))) == time


@given(st.dictionaries(st.text(), VALUES))
def test_plain_values_come_back_with_their_types(values: dict[str, object]) -> None:
    found = plain_attributes(attributes_of(values))

    assert found == values
    assert [type(each) for each in found.values()] == [type(each) for each in values.values()]


def test_whole_numbers_are_written_as_decimal_strings_and_lists_as_json() -> None:
    assert attributes_of({"n": 2**62, "b": True, "f": 0.5, "l": [{"a": 1}], "x": None}) == [
        {"key": "n", "value": {"intValue": "4611686018427387904"}},
        {"key": "b", "value": {"boolValue": True}},
        {"key": "f", "value": {"doubleValue": 0.5}},
        {"key": "l", "value": {"stringValue": '[{"a":1}]'}},
    ]
