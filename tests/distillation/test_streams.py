"""Which rows are looked at, and which streams there are."""

from datetime import datetime

import pyarrow as pa
import pytest

from millrace.distillation.streams import Scope, known_streams
from millrace.errors import BadInputError
from millrace.records.trace import utc
from tests.support.stored import rows_of_kind

ROWS = rows_of_kind(
    "traces",
    {"trace_id": "0", "time": "2026-11-08T23:59:59.999999Z"},
    {"trace_id": "1", "time": "2026-11-09T00:00:00Z", "tenant_id": "dam"},
    {"trace_id": "2", "time": "2026-11-09T23:59:59.999999Z"},
    {"trace_id": "3", "time": "2026-11-10T00:00:00Z"},
)


@pytest.mark.parametrize(
    ("tenants", "start", "end", "expected"),
    [
        (None, None, None, [0, 1, 2, 3]),
        (None, utc(2026, 11, 9), None, [1, 2, 3]),
        (None, None, utc(2026, 11, 10), [0, 1, 2]),
        (["mill"], utc(2026, 11, 9), utc(2026, 11, 10), [2]),
        ([], None, None, []),
    ],
)
def test_the_start_is_within_and_the_end_is_not(
    tenants: list[str] | None, start: datetime | None, end: datetime | None, expected: list[int]
) -> None:
    scope = Scope(tenants=tenants, start=start, end=end)
    assert [row for row, inside in enumerate(scope.within(ROWS).to_pylist()) if inside] == expected
    assert scope.has_window == (start is not None or end is not None)


def test_rows_of_no_time_are_told_apart_by_tenant_alone() -> None:
    scope = Scope(tenants=["dam"], start=utc(2027, 1, 1))
    assert scope.within(pa.table({"tenant_id": ["dam", "mill"]})).to_pylist() == [True, False]


def test_streams_are_named_once_in_a_fixed_order() -> None:
    assert known_streams(["replays", "traces", "replays"]) == ["traces", "replays"]
    assert known_streams([]) == []
    with pytest.raises(BadInputError, match="no stream 'a', 'b'; there are traces, annotations, golden, feedback"):
        known_streams(["b", "traces", "a"])
