"""Clusters of vectors: what must hold whatever the data, and the traps of HDBSCAN."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from millrace.errors import BadInputError
from millrace.methods.clustering import (
    ClusteringConfig,
    Clusters,
    _in_rounds,
    _merged,
    _reduced,
    _split,
    _without_strays,
    cluster_vectors,
    smallest_cluster,
    unit_rows,
)
from millrace.ports import Vectors

DIMENSION = 24


def about(axis: int, n: int, *, spread: float = 0.05, seed: int = 0) -> Vectors:
    """Unit vectors around an axis; with a spread of .05 their cosines are near .94."""
    random = np.random.default_rng([seed, axis])
    rows = random.normal(0, spread, (n, DIMENSION))
    rows[:, axis] += 1
    return unit_rows(rows).astype(np.float32)


def scattered(n: int) -> Vectors:
    """Vectors at right angles to each other, on the last axes."""
    return np.eye(DIMENSION, dtype=np.float32)[DIMENSION - n :]


def cluster(*blocks: Vectors, counts: Sequence[int] | None = None, **settings: float) -> Clusters:
    vectors = np.concatenate(blocks) if blocks else np.zeros((0, DIMENSION), dtype=np.float32)
    return cluster_vectors(vectors, [1] * len(vectors) if counts is None else counts, ClusteringConfig(**settings))


@pytest.mark.parametrize(("n", "size"), [(0, 2), (36, 2), (100, 3), (900, 10), (20_000, 47)])
def test_the_smallest_cluster_is_a_third_of_the_square_root(n: int, size: int) -> None:
    assert smallest_cluster(n) == size


def test_texts_around_three_directions_are_three_clusters_and_the_scattered_are_noise() -> None:
    labels, centroids = cluster(about(0, 20), about(1, 15), about(2, 10), scattered(4))
    assert labels.tolist() == [0] * 20 + [1] * 15 + [2] * 10 + [-1] * 4
    assert centroids.argmax(axis=1).tolist() == [0, 1, 2]
    assert np.linalg.norm(centroids, axis=1) == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 3, 5, 50])
def test_texts_about_one_thing_are_one_cluster(n: int) -> None:
    # HDBSCAN alone finds none in five, and several in fifty
    assert cluster(about(0, n)).labels.tolist() == [0] * n


def test_equal_vectors_of_different_texts_are_one_cluster() -> None:
    assert cluster(about(0, 1).repeat(30, axis=0)).labels.tolist() == [0] * 30


def test_one_text_that_occurs_once_is_noise_and_no_texts_are_nothing() -> None:
    assert cluster(about(0, 1)).labels.tolist() == [-1]
    labels, centroids = cluster()
    assert (labels.tolist(), centroids.shape) == ([], (0, DIMENSION))


def test_a_text_like_no_other_is_a_cluster_when_it_occurs_often_enough() -> None:
    # 34 texts: the smallest cluster is 2
    counts = [1] * 32 + [1, 2]
    assert cluster(about(0, 20), about(1, 12), scattered(2), counts=counts).labels.tolist()[-2:] == [-1, 2]


def test_near_texts_left_over_are_a_cluster_when_they_occur_often_enough_together() -> None:
    # 104 texts: the smallest cluster is 3, and of the 4 left over HDBSCAN finds nothing, as only one pair is near
    blocks = about(0, 50), about(1, 50), about(2, 2, spread=0.02), scattered(2)
    for n, found in ((2, 2), (1, -1)):
        labels = cluster(*blocks, counts=[1] * 100 + [1, n, 1, 1]).labels.tolist()
        assert labels[100:] == [found, found, -1, -1]


def test_what_is_left_over_is_clustered_again_with_the_smallest_size_of_so_many() -> None:
    # 404 texts: the smallest cluster is 7; of the 8 left over it is 2
    blocks = about(0, 200), about(1, 200), about(2, 4, spread=0.02), about(3, 4, spread=0.02)
    assert cluster(*blocks).labels.tolist()[400:] == [2] * 4 + [3] * 4


def test_clusters_of_all_rounds_are_merged() -> None:
    # so wide that one direction is found in several pieces, some of them in a later round
    vectors = np.concatenate([about(axis, 60, spread=0.24, seed=36) for axis in range(3)]).astype(np.float64)
    labels = _in_rounds(vectors, np.ones(180, dtype=np.int64), ClusteringConfig())
    means = unit_rows(np.array([vectors[labels == label].sum(axis=0) for label in range(labels.max() + 1)]))
    assert len(means) > 3
    assert np.triu(means @ means.T, 1).max() < ClusteringConfig().merge_cosine


def test_a_text_near_a_cluster_joins_it_even_if_it_could_be_one_alone() -> None:
    # at 55 degrees from the first axis: a cosine of .57
    near = unit_rows(np.eye(DIMENSION)[:1] * np.cos(0.96) + np.eye(DIMENSION)[9:10] * np.sin(0.96)).astype(np.float32)
    labels = cluster(about(0, 20), about(1, 20), near, counts=[1] * 40 + [50]).labels.tolist()
    assert labels == [0] * 20 + [1] * 20 + [0]


def test_a_cluster_of_nearly_everything_is_split() -> None:
    # what excess of mass may give for three topics
    points = np.repeat(np.arange(3.0), 10)[:, None] + np.tile(np.linspace(0, 0.1, 10), 3)[:, None]
    vectors = np.repeat(np.eye(3), 10, axis=0)
    assert _split(points, vectors, np.zeros(30, dtype=np.int64), 5, 0.6).tolist() == [0] * 10 + [1] * 10 + [2] * 10
    # three directions at right angles: the mean has a length of .58
    assert _split(points, vectors, np.zeros(30, dtype=np.int64), 5, 0.57).tolist() == [0] * 30


def test_texts_far_from_their_clusters_mean_leave_it_and_too_small_clusters_end() -> None:
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    weights = np.ones(5, dtype=np.int64)
    # of the first four each has a cosine of .89 to the sum of the others, (2, 1), and the last of 0
    labels = np.array([0, 0, 0, 0, -1])
    assert _without_strays(vectors, labels, weights, 2, 0.5).tolist() == [0, 0, 0, -1, -1]
    assert _without_strays(vectors, labels, weights, 2, 0.0).tolist() == [0, 0, 0, 0, -1]
    assert _without_strays(vectors, labels, weights, 2, 0.9).tolist() == [-1] * 5
    assert _without_strays(vectors, labels, weights, 4, 0.5).tolist() == [-1] * 5
    assert _without_strays(vectors, labels, np.array([2, 1, 1, 1, 1]), 4, 0.5).tolist() == [0, 0, 0, -1, -1]


def test_a_text_without_words_is_like_nothing_but_itself() -> None:
    blank = np.zeros((1, DIMENSION), dtype=np.float32)
    assert cluster(about(0, 5), blank, about(1, 5)).labels.tolist() == [0] * 5 + [-1] + [1] * 5
    labels, centroids = cluster(blank, about(1, 5), counts=[9, 1, 1, 1, 1, 1])
    assert labels.tolist() == [0] + [1] * 5
    assert not centroids[0].any()


def test_texts_beyond_the_most_that_are_clustered_join_the_nearest_cluster_or_none() -> None:
    labels = cluster(about(0, 40), about(1, 40), scattered(6), max_clustered=30).labels.tolist()
    assert labels == [0] * 40 + [1] * 40 + [-1] * 6


def test_a_text_that_occurs_often_takes_part_however_many_there_are() -> None:
    counts = [1] * 80 + [5]
    for seed in range(5):
        labels = cluster(about(0, 40), about(1, 40), scattered(1), counts=counts, max_clustered=20, seed=seed).labels
        assert labels.tolist() == [0] * 40 + [1] * 40 + [2]


def test_clusters_with_near_means_are_merged_the_nearest_first() -> None:
    # On a circle at 0, 20 and 50 degrees: 0 and 20 are nearest (cosine .94); their mean lies at 10 degrees,
    # and 40 degrees from it to the third are a cosine of .77
    angles = np.deg2rad([0.0, 20.0, 50.0])
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    labels = np.arange(3)
    assert _merged(points, labels, 0.8).tolist() == [0, 0, 1]
    assert _merged(points, labels, 0.76).tolist() == [0, 0, 0]
    assert _merged(points, labels, 0.95).tolist() == [0, 1, 2]


@pytest.mark.parametrize("n", [3, 10, 200])
def test_the_reduction_is_scikit_learns_pca(n: int) -> None:
    vectors = np.random.default_rng(n).normal(size=(n, DIMENSION))
    kept = min(5, n - 1)
    own, other = _reduced(vectors, 5), PCA(kept, svd_solver="full").fit_transform(vectors)
    assert np.abs(own) == pytest.approx(np.abs(other), abs=1e-5)


def test_the_number_of_threads_changes_nothing() -> None:
    vectors = np.concatenate([about(axis, 60, spread=0.2) for axis in range(8)])
    found = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(cluster(vectors))
    assert np.array_equal(found[0].labels, found[1].labels)
    assert found[0].centroids.tobytes() == found[1].centroids.tobytes()
    worker = threading.Thread(target=lambda: found.append(cluster(vectors)))
    worker.start()
    worker.join()
    assert found[2].centroids.tobytes() == found[0].centroids.tobytes()


rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(1, 4)), min_size=0, max_size=25
)


@settings(deadline=None, max_examples=80)
@given(rows=rows)
def test_whatever_the_vectors_labels_have_no_gaps_and_every_cluster_is_large_enough(
    rows: list[tuple[int, int, int, int]],
) -> None:
    # few directions, many equal ones, ranks below the dimension, blank rows
    drawn = np.array([row[:3] for row in rows], dtype=np.float64).reshape(len(rows), 3)
    vectors, counts = unit_rows(drawn).astype(np.float32), [row[3] for row in rows]
    labels, centroids = cluster(vectors, counts=counts)
    assert sorted(set(labels.tolist()) - {-1}) == list(range(len(centroids)))
    first = [labels.tolist().index(label) for label in range(len(centroids))]
    assert first == sorted(first)
    smallest = smallest_cluster(int(vectors.any(axis=1).sum()))
    for label in range(len(centroids)):
        assert sum(n for n, own in zip(counts, labels, strict=True) if own == label) >= smallest


@pytest.mark.parametrize("counts", [[1], [1, 0]])
def test_texts_without_a_count_are_refused(counts: list[int]) -> None:
    with pytest.raises(BadInputError, match="count"):
        cluster(about(0, 2), counts=counts)
