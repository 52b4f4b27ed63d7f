"""Near-duplicate groups equal those of a brute-force search, whatever the order of the rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.methods import near_duplicates
from millrace.methods.near_duplicates import near_duplicate_groups
from millrace.ports import Vectors


def _vectors(seed: int, n: int, d: int) -> Vectors:
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((n, d)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[generator.random(n) < 0.1] = 0
    return vectors


def _brute_force(vectors: Vectors, threshold: float) -> list[int]:
    labels = list(range(len(vectors)))
    wide = vectors.astype(np.float64)
    for first in range(len(vectors)):
        for second in range(first + 1, len(vectors)):
            if (wide[first] * wide[second]).sum() >= threshold:
                old, new = sorted((labels[first], labels[second]))[::-1]
                labels = [new if label == old else label for label in labels]
    return labels


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 25), st.integers(2, 4), st.floats(0.3, 1.0))
def test_groups_equal_a_brute_force_search(seed: int, n: int, d: int, threshold: float) -> None:
    vectors = _vectors(seed, n, d)

    assert near_duplicate_groups(vectors, threshold).tolist() == _brute_force(vectors, threshold)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_group(seed: int, random: "np.random.Generator") -> None:
    vectors = _vectors(seed, 20, 3)
    order = list(range(20))
    random.shuffle(order)

    labels = near_duplicate_groups(vectors, 0.9)
    shuffled = near_duplicate_groups(vectors[order], 0.9)

    together = labels[order][:, None] == labels[order][None, :]
    assert (together == (shuffled[:, None] == shuffled[None, :])).all()


def test_the_block_size_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = _vectors(7, 200, 3)
    whole = near_duplicate_groups(vectors, 0.95)

    monkeypatch.setattr(near_duplicates, "_BLOCK_ROWS", 7)

    assert (near_duplicate_groups(vectors, 0.95) == whole).all()


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_a_pair_exactly_at_the_threshold_is_joined(seed: int) -> None:
    # float32 products fall on either side of the exact cosine.
    generator = np.random.default_rng(seed)
    first = generator.standard_normal(384)
    pair = np.stack([first, first + 0.3 * generator.standard_normal(384)])
    vectors = (pair / np.linalg.norm(pair, axis=1, keepdims=True)).astype(np.float32)
    cosine = float((vectors[0].astype(np.float64) * vectors[1]).sum())

    assert near_duplicate_groups(vectors, cosine).tolist() == [0, 0]
    assert near_duplicate_groups(vectors, float(np.nextafter(cosine, 2))).tolist() == [0, 1]


def test_a_chain_is_one_group_and_zero_rows_are_alone() -> None:
    # Neighbours are 10 degrees apart, cosine 0.985; the ends 20 degrees, cosine 0.940.
    angles = np.radians([90, 10, 20, 30])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    vectors = np.concatenate([np.zeros((1, 2), np.float32), vectors, np.zeros((1, 2), np.float32)])

    assert near_duplicate_groups(vectors, 0.95).tolist() == [0, 1, 2, 2, 2, 5]


def test_equal_rows_at_threshold_one() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)

    assert near_duplicate_groups(vectors, 1.0).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("vectors", "threshold", "message"),
    [
        (np.ones((2, 2), np.float32), 0.95, "row 0"),
        (np.array([[1, 0], [np.nan, 0]], np.float32), 0.95, "row 1"),
        (np.ones(3, np.float32), 0.95, "two dimensions"),
        (np.eye(2, dtype=np.float32), 0.0, "threshold"),
        (np.eye(2, dtype=np.float32), 1.1, "threshold"),
    ],
)
def test_bad_input_is_refused(vectors: Vectors, threshold: float, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        near_duplicate_groups(vectors, threshold)
