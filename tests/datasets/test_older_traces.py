"""Traces stored by Millrace before the answering pipeline had twelve stages are read as they were, and gain blanks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import create_model

from millrace.datasets.manifest import DatasetRef, Origin
from millrace.datasets.schema import arrow_schema, rows_of, table_of
from millrace.datasets.store import DatasetStore
from millrace.records.base import Measured, Record
from millrace.records.kinds import KINDS, Kind
from millrace.records.trace import ModelCall, SpanTiming, Trace

ADDED = {"route", "output", "calls"}
START = datetime(2026, 1, 1, tzinfo=UTC)


class TimingBefore(Record):
    """What a timing was in version 1."""

    name: str
    start: datetime | None = None
    duration_ms: float


_TYPES = get_type_hints(Trace, include_extras=True)
_FIELDS_BEFORE = {
    name: (_TYPES[name], field) for name, field in Trace.model_fields.items() if name not in ADDED | {"timings"}
}
TraceBefore = create_model(
    "TraceBefore", __base__=Record, **_FIELDS_BEFORE, timings=(Annotated[list[TimingBefore], Measured()], [])
)  # type: ignore[call-overload]


def _before(number: int) -> Record:
    return TraceBefore(
        trace_id=f"t{number}",
        time=START,
        tenant_id="a",
        question="Why?",
        status="abstained",
        pipeline_version="abc",
        timings=[TimingBefore(name="retrieval", start=START, duration_ms=2.5)] if number else [],
        cost_usd=0.5,
    )


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "datasets")


@pytest.fixture(params=["traces", "selected_traces"])
def stored(request: pytest.FixtureRequest, store: DatasetStore, monkeypatch: pytest.MonkeyPatch) -> DatasetRef:
    """A dataset as version 1 wrote it, beside today's register of kinds."""
    origin = Origin(stage="s", code_fingerprint="c", settings_hash="h", inputs=[], numeric_profile="none")
    kind: str = request.param
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, kind, Kind(kind, TraceBefore))
        return store.write(kind, table_of(TraceBefore, [_before(0), _before(1)]), origin, key="k")


def test_the_files_of_version_1_have_none_of_what_was_added(store: DatasetStore, stored: DatasetRef) -> None:
    (part,), (measured,) = (list(store.folder(stored).glob(f"{name}-*.parquet")) for name in ("part", "measured"))

    assert not ADDED & set(pq.read_schema(part).names)
    timing = pq.read_schema(measured).field("timings").type.value_type
    assert [timing.field(index).name for index in range(timing.num_fields)] == ["name", "start", "duration_ms"]
    assert "calls" not in pq.read_schema(measured).names


def test_traces_of_version_1_are_read_with_the_defaults_of_what_was_added(
    store: DatasetStore, stored: DatasetRef
) -> None:
    table = store.open(stored).to_arrow(measured=True)

    assert table.schema == arrow_schema(Trace)
    first, second = rows_of(Trace, table)
    assert (second.trace_id, second.status, second.pipeline_version, second.cost_usd) == ("t1", "abstained", "abc", 0.5)
    assert (second.route, second.output, second.calls) == (None, None, [])
    assert first.timings == []
    assert second.timings == [SpanTiming(name="retrieval", start=START, duration_ms=2.5)]


def test_their_content_is_still_checked_and_rows_and_columns_are_found(store: DatasetStore, stored: DatasetRef) -> None:
    dataset = store.open(stored)

    dataset.verify()
    assert rows_of(Trace, dataset.read_rows(1, 2))[0].trace_id == "t1"
    assert rows_of(Trace, dataset.to_arrow())[1].timings == []
    assert pa.concat_tables(dataset.columns(["trace_id"])).to_pydict() == {"trace_id": ["t0", "t1"]}


def test_they_may_stand_beside_todays_in_one_table(store: DatasetStore, stored: DatasetRef) -> None:
    call = ModelCall(purpose="generation", model="m", tries=1, duration_ms=1)
    today = Trace(trace_id="t2", time=START, tenant_id="a", question="?", route="docs", calls=[call])

    both = pa.concat_tables([store.open(stored).to_arrow(measured=True), table_of(Trace, [today])])

    assert [trace.route for trace in rows_of(Trace, both)] == [None, None, "docs"]
    assert rows_of(Trace, both)[2].calls == [call]
