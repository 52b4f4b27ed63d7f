"""Stored datasets: named by content, whole or absent, checked when read."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millrace.datasets.manifest import DatasetRef, Origin
from millrace.datasets.schema import rows_of, table_of
from millrace.datasets.store import DatasetStore
from millrace.errors import BadInputError, DamagedDatasetError, NotFoundError
from millrace.records.base import Record
from millrace.records.kinds import KINDS, Kind
from millrace.records.trace import SkipRow, SpanTiming, Trace

ORIGIN = Origin(stage="test", code_fingerprint="code", settings_hash="settings", inputs=[], numeric_profile="none")


def traces(n: int, duration_ms: float = 1.0) -> pa.Table:
    return table_of(
        Trace,
        [
            Trace(
                trace_id=f"t{index}",
                time=datetime(2026, 1, 1, tzinfo=UTC),
                tenant_id="a",
                question=f"Question {index}?",
                timings=[SpanTiming(name="all", duration_ms=duration_ms)],
                cost_usd=None if index % 2 else 0.01,
            )
            for index in range(n)
        ],
    )


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "datasets")


def test_what_was_written_is_read_in_each_form(store: DatasetStore) -> None:
    table = traces(3)
    dataset = store.open(store.write("traces", table, ORIGIN, key="k"))
    assert dataset.to_arrow(measured=True).equals(table)
    assert rows_of(Trace, dataset.to_arrow())[1].timings == []
    assert dataset.to_pandas()["question"].tolist() == ["Question 0?", "Question 1?", "Question 2?"]
    assert dataset.to_duckdb().aggregate("count(*), max(trace_id)").fetchall() == [(3, "t2")]
    assert dataset.manifest.origin == ORIGIN


def test_measured_values_do_not_change_the_hash(store: DatasetStore) -> None:
    first = store.write("traces", traces(2, duration_ms=1.0), ORIGIN, key="a")
    assert store.write("traces", traces(2, duration_ms=9.0), ORIGIN, key="b") == first


def test_an_empty_dataset_exists_and_opens(store: DatasetStore) -> None:
    dataset = store.open(store.write("traces", traces(0), ORIGIN, key="k"))
    assert (dataset.ref.rows, dataset.n_parts) == (0, 0)
    assert dataset.to_arrow().num_rows == 0
    assert dataset.to_duckdb().aggregate("count(*)").fetchall() == [(0,)]


def test_slots_may_be_committed_in_any_order_and_found_again(store: DatasetStore) -> None:
    table = traces(4)
    with store.building("traces", "k") as builder:
        builder.commit(1, table.slice(2))
    with store.building("traces", "k") as builder:
        assert [builder.committed(0), builder.committed(1)] == [False, True]
        builder.commit(0, table.slice(0, 2))
        backwards = builder.publish(2, ORIGIN)
    with store.building("traces", "other") as builder:
        builder.commit(0, table.slice(0, 2))
        builder.commit(1, table.slice(2))
        assert builder.publish(2, ORIGIN) == backwards
    assert store.open(backwards).to_arrow(measured=True).equals(table)


def test_the_cut_is_part_of_identity(store: DatasetStore) -> None:
    table = traces(4)
    with store.building("traces", "k") as builder:
        builder.commit(0, table.slice(0, 1))
        builder.commit(1, table.slice(1))
        in_two = builder.publish(2, ORIGIN)
    assert store.write("traces", table, ORIGIN, key="one").content_hash != in_two.content_hash


def test_a_bad_row_is_refused_before_anything_exists(store: DatasetStore) -> None:
    table = traces(3)
    broken = table.set_column(0, table.schema.field(0), pa.array(["t0", "", "t2"]))
    with pytest.raises(BadInputError, match="row 1: trace_id"):
        store.write("traces", broken, ORIGIN, key="k")
    assert store.refs() == []


def _part(store: DatasetStore, ref: DatasetRef) -> Path:
    return next(store.folder(ref).glob("part-*.parquet"))


def test_other_values_in_a_part_are_refused_with_file_and_expected_hash(store: DatasetStore) -> None:
    ref = store.write("traces", traces(3), ORIGIN, key="k")
    part = _part(store, ref)
    expected = store.open(ref).manifest.parts[0].hash
    table = pq.read_table(part)
    pq.write_table(table.set_column(6, "question", pa.array(["other"] * 3)), part)
    with pytest.raises(DamagedDatasetError) as caught:
        store.open(ref).to_arrow()
    assert caught.value.details == {"file": str(part), "expected": expected}


@pytest.mark.parametrize("damage", ["cut", "gone", "flipped"])
def test_a_damaged_part_is_refused(store: DatasetStore, damage: str) -> None:
    ref = store.write("traces", traces(50), ORIGIN, key="k")
    part = _part(store, ref)
    content = bytearray(part.read_bytes())
    if damage == "gone":
        part.unlink()
    elif damage == "cut":
        part.write_bytes(content[: len(content) // 2])
    else:
        group = pq.read_metadata(part).row_group(0)
        columns = (group.column(index) for index in range(group.num_columns))
        questions = next(column for column in columns if column.path_in_schema == "question")
        first = questions.dictionary_page_offset or questions.data_page_offset
        content[first + questions.total_compressed_size // 2] ^= 0xFF  # elsewhere there is room that holds nothing
        part.write_bytes(content)
    with pytest.raises(DamagedDatasetError, match=r"part-.*expected values with hash"):
        store.open(ref).verify()


def test_an_edited_manifest_and_a_foreign_one_are_refused(store: DatasetStore) -> None:
    ref = store.write("traces", traces(3), ORIGIN, key="k")
    path = store.folder(ref) / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["parts"][0]["rows"] = 2
    path.write_text(json.dumps(manifest))
    with pytest.raises(DamagedDatasetError, match="edited or is foreign"):
        store.open(ref)
    path.write_text('{"something": "else"}')
    with pytest.raises(DamagedDatasetError, match="not a Millrace manifest"):
        store.open(ref)


def test_a_folder_without_a_manifest_does_not_exist(store: DatasetStore) -> None:
    ref = store.write("traces", traces(3), ORIGIN, key="k")
    os.remove(store.folder(ref) / "manifest.json")
    assert not store.exists(ref)
    with pytest.raises(NotFoundError, match="run the stage"):
        store.open(ref)


def test_an_unknown_kind_is_named(store: DatasetStore) -> None:
    with pytest.raises(BadInputError, match="no dataset kind 'trace'; there are"):
        store.write("trace", traces(1), ORIGIN, key="k")


def test_reads_fall_through_and_writes_do_not(store: DatasetStore, tmp_path: Path) -> None:
    ref = store.write("traces", traces(3), ORIGIN, key="k")
    scratch = DatasetStore(tmp_path / "scratch", fallback=store)
    assert scratch.open(ref).to_arrow().num_rows == 3
    skips = scratch.write("skips", table_of(SkipRow, []), ORIGIN, key="s")
    assert scratch.exists(skips)
    assert not store.exists(skips)


def test_rows_of_an_older_version_are_read_with_the_defaults_of_what_was_added(
    store: DatasetStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Before(Record):
        name: str

    class After(Record):
        note: str | None = None
        name: str
        tags: list[str] = ["none yet"]

    monkeypatch.setitem(KINDS, "leaves", Kind("leaves", Before))
    ref = store.write("leaves", table_of(Before, [Before(name="oak")]), ORIGIN, key="k")
    monkeypatch.setitem(KINDS, "leaves", Kind("leaves", After, version=2))
    assert rows_of(After, store.open(ref).to_arrow()) == [After(name="oak")]


def test_a_newer_version_is_refused(store: DatasetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "skips", Kind("skips", SkipRow, version=3))
    ref = store.write("skips", table_of(SkipRow, []), ORIGIN, key="k")
    monkeypatch.setitem(KINDS, "skips", Kind("skips", SkipRow, version=2))
    with pytest.raises(BadInputError, match="has schema version 3, this Millrace reads up to 2: upgrade"):
        store.open(ref)


@pytest.mark.parametrize(("start", "stop"), [(0, 7), (0, 0), (2, 3), (1, 6), (3, 99), (7, 9)])
def test_rows_are_read_across_parts(store: DatasetStore, start: int, stop: int) -> None:
    with store.building("traces", "k") as builder:
        for slot, (first, n) in enumerate([(0, 3), (3, 0), (3, 4)]):
            builder.commit(slot, traces(7).slice(first, n))
        dataset = store.open(builder.publish(3, ORIGIN))
    expected = traces(7).column("trace_id").to_pylist()[start:stop]
    assert dataset.read_rows(start, stop).column("trace_id").to_pylist() == expected


@pytest.mark.parametrize("content", [b"", b"[", b"[{}]", b"{}", b"[" * 100_000, b"\xff"])
def test_a_damaged_slot_is_named_when_its_dataset_is_published(store: DatasetStore, content: bytes) -> None:
    with store.building("traces", "k") as builder:
        builder.commit(0, traces(3))
        (slot,) = store.root.rglob("slot-00000.json")
        slot.write_bytes(content)
        with pytest.raises(DamagedDatasetError, match=r"slot-00000\.json is damaged: remove the folder"):
            builder.publish(1, ORIGIN)


def test_a_manifest_nested_too_deeply_is_damaged(store: DatasetStore) -> None:
    ref = store.write("traces", traces(2), ORIGIN, key="k")
    (store.folder(ref) / "manifest.json").write_bytes(b"[" * 100_000)
    with pytest.raises(DamagedDatasetError, match="is not a Millrace manifest"):
        store.open(ref)
