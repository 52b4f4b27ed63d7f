"""One hash a row, whether it is computed for a table or for the row alone."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import measured_fields, table_of
from millrace.distillation.dataset_rows import canonical_rows, dataset_row_hash, dataset_row_hashes, unmeasured_row
from millrace.errors import BadInputError
from millrace.records.evaluation import MetricScore
from millrace.records.trace import Trace
from tests.support.traces import TRACES

SCORE = MetricScore(
    trace_id="t1",
    question_key="0" * 64,
    metric="groundedness",
    tier="model_free",
    status="scored",
    value=0.25,
    source="s/1",
    n_calls=3,
)


def test_the_hash_is_over_the_fields_as_json_with_sorted_keys() -> None:
    fields = {"trace_id": "t1", "question_key": "0" * 64, "metric": "groundedness", "tier": "model_free"}
    fields |= {"status": "scored", "value": 0.25, "reason": None, "message": None, "source": "s/1"}
    written = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    assert dataset_row_hashes(MetricScore, table_of(MetricScore, [SCORE])).to_pylist() == [
        hashlib.sha256(written.encode()).hexdigest()
    ]


def test_what_was_measured_is_left_out() -> None:
    paid = SCORE.model_copy(update={"n_calls": 9, "cost_usd": 1.5})
    hashes = dataset_row_hashes(MetricScore, table_of(MetricScore, [SCORE, paid])).to_pylist()
    assert hashes[0] == hashes[1] == dataset_row_hash(unmeasured_row(MetricScore, paid.model_dump()))


@settings(deadline=None, max_examples=60)
@given(st.lists(TRACES, max_size=4))
def test_a_table_its_rows_and_its_records_hash_alike(traces: list[Trace]) -> None:
    table = table_of(Trace, traces)
    measured = measured_fields(Trace)
    rows = table.drop_columns(measured).to_pylist()
    found = dataset_row_hashes(Trace, table).to_pylist()
    assert found == [dataset_row_hash(row) for row in rows]
    assert found == [sha256_json(trace.model_dump(mode="json", exclude=set(measured))) for trace in traces]


@settings(deadline=None, max_examples=60)
@given(st.lists(TRACES, min_size=2, max_size=4), st.integers(0, 3))
def test_a_slice_hashes_as_it_does_in_the_whole(traces: list[Trace], start: int) -> None:
    table = table_of(Trace, traces)
    assert (
        dataset_row_hashes(Trace, table.slice(start)).to_pylist()
        == dataset_row_hashes(Trace, table)[start:].to_pylist()
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": [None, "x"]}, '{"v":{"a":[null,"x"],"b":1}}'),
        ('quote " and \\ and \x7f and é', '{"v":"quote \\" and \\\\ and \\u007f and \\u00e9"}'),
        ([], '{"v":[]}'),
        (True, '{"v":true}'),
        (1e-7, '{"v":1e-07}'),
        (datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC), '{"v":"2026-01-02T03:04:05.000600Z"}'),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '{"v":"2026-01-02T03:04:05Z"}'),
    ],
)
def test_values_are_written_as_python_writes_them(value: Any, written: str) -> None:
    kind = pa.timestamp("us", tz="UTC") if isinstance(value, datetime) else None
    assert canonical_rows(pa.table({"v": pa.array([value], kind)})).to_pylist() == [written]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_not_is_refused(value: float) -> None:
    with pytest.raises(BadInputError, match="canonical JSON"):
        canonical_rows(pa.table({"v": [value]}))
    with pytest.raises(BadInputError, match="canonical JSON"):
        dataset_row_hash({"v": value})


def test_another_type_is_refused() -> None:
    with pytest.raises(BadInputError, match="no canonical JSON for values of type date32"):
        canonical_rows(pa.table({"v": [datetime(2026, 1, 1, tzinfo=UTC).date()]}))


def test_no_rows_and_no_fields() -> None:
    assert dataset_row_hashes(Trace, table_of(Trace, [])).to_pylist() == []
    assert canonical_rows(pa.table({})).to_pylist() == []
