"""Index snapshots are immutable, private to their reader, checked when opened, and never answer for another tenant."""

import json
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.adapters.qdrant_edge import QdrantEdgeStore
from millrace.errors import BadInputError, DamagedDatasetError, NotFoundError
from millrace.ports import IndexPoint, Vectors


def point(point_id: str, vector: list[float], tenant_id: str = "acme") -> IndexPoint:
    return IndexPoint(point_id, np.array(vector, dtype=np.float32), tenant_id, {"text": f"text of {point_id}"})


def vector(*values: float) -> Vectors:
    return np.array(values, dtype=np.float32)


@pytest.fixture
def store(tmp_path: Path) -> QdrantEdgeStore:
    return QdrantEdgeStore(tmp_path / "index")


def test_hits_are_the_nearest_by_cosine_with_their_payload(store: QdrantEdgeStore) -> None:
    store.build("one", [point("east", [1, 0]), point("north", [0, 1]), point("west", [-1, 0])], dimension=2)
    index = store.open("one")
    hits = index.search(vector(2, 0), tenant_id="acme", limit=2)
    index.close()
    # cos of (2, 0) with (1, 0) is 1, with (0, 1) is 0, with (-1, 0) is -1
    assert [(hit.point_id, hit.score) for hit in hits] == [("east", 1.0), ("north", 0.0)]
    assert hits[0].payload == {"text": "text of east"}


def test_a_tenant_never_sees_anothers_points_even_under_the_same_id(store: QdrantEdgeStore) -> None:
    near = [point("secret", [1, 0], "other"), point("shared", [1, 0], "other")]
    store.build("one", [*near, point("shared", [0, 1], "acme")], dimension=2)
    index = store.open("one")
    hits = index.search(vector(1, 0), tenant_id="acme", limit=10)
    assert [(hit.point_id, hit.score) for hit in hits] == [("shared", 0.0)]
    assert index.search(vector(1, 0), tenant_id="nobody", limit=10) == []
    with pytest.raises(BadInputError, match="needs a tenant"):
        index.search(vector(1, 0), tenant_id="", limit=10)
    index.close()


def test_equal_scores_at_the_cut_are_ordered_by_id_whatever_order_they_were_built_in(store: QdrantEdgeStore) -> None:
    # 60 points tie, more than the engine is asked for at first
    ids = [f"p{number:02}" for number in range(60)]
    for name, order in (("up", ids), ("down", ids[::-1])):
        store.build(name, [point(point_id, [1, 1]) for point_id in order], dimension=2)
        index = store.open(name)
        assert [hit.point_id for hit in index.search(vector(1, 0), tenant_id="acme", limit=3)] == ids[:3]
        index.close()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_points=st.integers(0, 80), limit=st.integers(1, 12))
def test_search_equals_an_exhaustive_one(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n_points: int, limit: int
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n_points, 8)).astype(np.float32)
    points = [IndexPoint(f"p{i}", row, f"t{i % 2}", {}) for i, row in enumerate(vectors)]
    store = QdrantEdgeStore(tmp_path_factory.mktemp("index"))
    store.build("one", points, dimension=8)
    query = random.normal(size=8).astype(np.float32)
    index = store.open("one")
    hits = index.search(query, tenant_id="t0", limit=limit)
    index.close()
    cosines = {
        f"p{i}": float(vectors[i] @ query / np.linalg.norm(vectors[i]) / np.linalg.norm(query))
        for i in range(0, n_points, 2)
    }
    assert [hit.score for hit in hits] == pytest.approx(sorted(cosines.values(), reverse=True)[:limit], abs=1e-5)
    assert all(hit.score == pytest.approx(cosines[hit.point_id], abs=1e-5) for hit in hits)


def test_two_readers_open_one_snapshot_at_once_and_leave_nothing_behind(store: QdrantEdgeStore) -> None:
    store.build("one", [point("a", [1, 0])], dimension=2)
    first, second = store.open("one"), store.open("one")
    folders = {reader._folder for reader in (first, second)}  # type: ignore[attr-defined]
    assert len(folders) == 2
    for reader in (first, second):
        assert reader.search(vector(1, 0), tenant_id="acme", limit=1)[0].point_id == "a"
        reader.close()
        reader.close()
    assert not any(folder.exists() for folder in folders)
    with pytest.raises(BadInputError, match="closed"):
        first.search(vector(1, 0), tenant_id="acme", limit=1)


def test_threads_share_an_open_index(store: QdrantEdgeStore) -> None:
    random = np.random.default_rng(3)
    store.build("one", [IndexPoint(f"p{i}", random.normal(size=8), "t", {}) for i in range(300)], dimension=8)
    index = store.open("one")
    queries = random.normal(size=(40, 8)).astype(np.float32)
    expected = [index.search(query, tenant_id="t", limit=3) for query in queries]
    found: dict[int, list[object]] = {}
    workers = [
        threading.Thread(
            target=lambda k=k: found.update({k: [index.search(q, tenant_id="t", limit=3) for q in queries]})
        )
        for k in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    index.close()
    assert [found[k] for k in range(4)] == [expected] * 4


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
    index.search(vector(1, 0), tenant_id="acme", limit=1)
    index.close()
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize(
    "bad",
    [
        [point("a", [1, 0, 0])],
        [point("a", [float("nan"), 0])],
        [point("a", [1, 0], tenant_id="")],
        [point("a", [1, 0]), point("a", [0, 1])],
    ],
    ids=["dimension", "not finite", "no tenant", "twice"],
)
def test_bad_points_are_refused_and_leave_nothing(store: QdrantEdgeStore, bad: list[IndexPoint]) -> None:
    with pytest.raises(BadInputError):
        store.build("one", bad, dimension=2)
    assert not store.path("one").exists()


def test_a_failed_build_publishes_nothing_and_removes_its_temporary_folder(
    store: QdrantEdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("millrace.adapters.qdrant_edge.sync_tree", no_space)
    with pytest.raises(OSError, match="No space"):
        store.build("one", [point("a", [1, 0])], dimension=2)
    assert list(store.path("one").parent.iterdir()) == []


def test_a_missing_snapshot_is_not_found(store: QdrantEdgeStore) -> None:
    with pytest.raises(NotFoundError, match="no index snapshot"):
        store.open("absent")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\n"])
def test_a_name_cannot_leave_the_root(store: QdrantEdgeStore, name: str) -> None:
    with pytest.raises(BadInputError, match="cannot name a snapshot"):
        store.path(name)


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


def test_an_empty_index_finds_nothing(store: QdrantEdgeStore) -> None:
    store.build("one", [], dimension=2)
    index = store.open("one")
    assert index.search(vector(1, 0), tenant_id="acme", limit=1) == []
    index.close()
