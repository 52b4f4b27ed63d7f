"""Embedded index snapshots are immutable, private to their reader, and checked when opened."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from millrace.adapters.qdrant_edge import QdrantEdgeStore
from millrace.errors import BadInputError, DamagedDatasetError
from millrace.ports import IndexPoint, Search
from tests.support.index_points import by_vector, point


@pytest.fixture
def store(tmp_path: Path) -> QdrantEdgeStore:
    return QdrantEdgeStore(tmp_path / "index")


def test_two_readers_open_one_snapshot_at_once_and_leave_nothing_behind(store: QdrantEdgeStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    first, second = store.open("one"), store.open("one")
    folders = {reader._folder for reader in (first, second)}  # type: ignore[attr-defined]
    assert len(folders) == 2
    for reader in (first, second):
        assert reader.search([by_vector(1, 0, limit=1)])[0][0].point_id == "a"
        reader.close()
        reader.close()
    assert not any(folder.exists() for folder in folders)
    with pytest.raises(BadInputError, match="closed"):
        first.search([by_vector(1, 0)])


@pytest.mark.parametrize("n_remembered", [2, 16_384])
def test_threads_share_an_open_index_and_what_it_remembers(
    store: QdrantEdgeStore, n_remembered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("millrace.adapters.qdrant_edge._POINTS_REMEMBERED", n_remembered)
    random = np.random.default_rng(3)
    rows = random.normal(size=(300, 8)).astype(np.float32)
    store.build("one", [IndexPoint(f"p{i}", row, "t", {}) for i, row in enumerate(rows)], dimension=8)
    index = store.open("one")
    searches = [Search("t", query, 3) for query in random.normal(size=(40, 8)).astype(np.float32)]

    def ids(_: int = 0) -> list[list[str]]:
        return [[hit.point_id for hit in hits] for search in searches for hits in index.search([search])]

    expected = ids()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ids, range(4))) == [expected] * 4
    assert 2 <= len(index._remembered) <= n_remembered  # type: ignore[attr-defined]
    index.close()


def test_building_an_existing_snapshot_leaves_it_as_it_is(store: QdrantEdgeStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    before = {path: path.stat().st_mtime_ns for path in store.path("one").rglob("*")}
    store.build("one", [point("b", [1, 0])], dimension=2)
    assert {path: path.stat().st_mtime_ns for path in store.path("one").rglob("*")} == before


def test_reading_leaves_the_snapshot_as_it_is(store: QdrantEdgeStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    files = [path for path in store.path("one").rglob("*") if path.is_file()]
    before = [path.read_bytes() for path in files]
    index = store.open("one")
    index.search([by_vector(1, 0, limit=1)])
    index.close()
    assert [path.read_bytes() for path in files] == before


def test_a_failed_build_publishes_nothing_and_removes_its_temporary_folder(
    store: QdrantEdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("millrace.adapters.qdrant_edge.sync_tree", no_space)
    with pytest.raises(OSError, match="No space"):
        store.build("one", [point("a", [1, 0])], dimension=2)
    assert list(store.path("one").parent.iterdir()) == []


def test_a_changed_byte_is_refused_with_file_and_hashes(store: QdrantEdgeStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    vectors = next(store.path("one").rglob("chunk_0.mmap"))
    with vectors.open("r+b") as stream:
        stream.write(b"\x01")
    with pytest.raises(DamagedDatasetError, match=r"chunk_0\.mmap is damaged") as caught:
        store.open("one")
    assert caught.value.details["path"] == str(vectors)
    assert caught.value.details["expected"] != caught.value.details["found"]
    assert pickle.loads(pickle.dumps(caught.value)).details == caught.value.details  # noqa: S301


def test_a_missing_file_is_refused(store: QdrantEdgeStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    next(store.path("one").rglob("chunk_0.mmap")).unlink()
    with pytest.raises(DamagedDatasetError, match="is missing"):
        store.open("one")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", json.dumps({"format": "x", "dimension": 2, "files": {}})])
def test_a_foreign_folder_is_refused(store: QdrantEdgeStore, content: str | None) -> None:
    folder = store.path("one")
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "snapshot.json").write_text(content)
    with pytest.raises(DamagedDatasetError) as caught:
        store.open("one")
    assert str(folder) in str(caught.value)


def test_a_snapshot_of_the_earlier_format_asks_for_ingesting_again(store: QdrantEdgeStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    manifest = store.path("one") / "snapshot.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": "qdrant-edge-1"}))
    with pytest.raises(BadInputError, match="ingest the documents again") as caught:
        store.open("one")
    assert not isinstance(caught.value, DamagedDatasetError)
