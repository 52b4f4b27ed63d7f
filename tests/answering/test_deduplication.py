"""Of passages that say the same only the best goes on."""

from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.answering.deduplication import DeduplicationConfig, deduplicate_drafts, distinct_rows
from millrace.ports import Vectors
from tests.support.narrowing import draft_of, names_of, passage


def at(degrees: float) -> tuple[float, float]:
    return cos(degrees * pi / 180), sin(degrees * pi / 180)


def test_the_best_of_near_duplicates_stays_and_the_order_too() -> None:
    # cos 10 degrees = .985, cos 30 degrees = .866
    passages = [passage("a", at(0)), passage("b", at(90)), passage("a again", at(10)), passage("c", at(30))]
    (step,) = deduplicate_drafts([draft_of("q", passages)], DeduplicationConfig())
    assert names_of(step.draft) == ["a", "b", "c"]
    assert step.facts == {"n_dropped": 1, "n_passages": 3, "threshold": 0.95}


def test_chains_are_not_followed() -> None:
    # 0 and 15 degrees are near (.966), so are 15 and 30; 0 and 30 (.866) are not
    passages = [passage("first", at(0)), passage("between", at(15)), passage("last", at(30))]
    (step,) = deduplicate_drafts([draft_of("q", passages)], DeduplicationConfig())
    assert names_of(step.draft) == ["first", "last"]


def test_drafts_do_not_see_each_others_passages() -> None:
    same = [passage("a", at(0))]
    steps = deduplicate_drafts([draft_of("one", same), draft_of("two", same)], DeduplicationConfig())
    assert [names_of(step.draft) for step in steps] == [["a"], ["a"]]


def test_no_passages_are_no_work() -> None:
    (step,) = deduplicate_drafts([draft_of("q", [])], DeduplicationConfig())
    assert step.draft.passages == ()
    assert step.facts["n_dropped"] == 0


@pytest.mark.parametrize("threshold", [0, 1.01, -0.5])
def test_a_threshold_is_a_positive_cosine(threshold: float) -> None:
    with pytest.raises(ValidationError):
        DeduplicationConfig(threshold=threshold)


@st.composite
def unit_vectors(draw: st.DrawFn) -> Vectors:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_centres, n_vectors = draw(st.integers(1, 4)), draw(st.integers(0, 12))
    centres = random.normal(size=(n_centres, 16))
    noise = draw(st.sampled_from([0.0, 0.05, 0.3]))
    rows = centres[random.integers(0, n_centres, n_vectors)] + noise * random.normal(size=(n_vectors, 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=200, deadline=None)
@given(vectors=unit_vectors(), threshold=st.sampled_from([0.5, 0.9, 0.95, 1.0]))
def test_kept_ones_are_apart_and_every_dropped_one_is_near_a_better_kept_one(
    vectors: Vectors, threshold: float
) -> None:
    kept = distinct_rows(vectors, threshold)
    cosines = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    assert kept == sorted(kept)
    assert all(cosines[a, b] < threshold for a in kept for b in kept if a < b)
    for row in set(range(len(vectors))) - set(kept):
        assert any(better < row and cosines[better, row] >= threshold - 1e-5 for better in kept)
    assert distinct_rows(vectors[kept], threshold) == list(range(len(kept)))


def test_equal_vectors_are_duplicates_at_a_threshold_of_one_and_empty_texts_are_not() -> None:
    vector = np.full(3, 3**-0.5, dtype=np.float32)
    assert (vector.astype(np.float64) ** 2).sum() < 1  # of norm 1 only as far as float32 goes
    assert distinct_rows([vector, vector], 1.0) == [0]
    assert distinct_rows([np.zeros(4, np.float32), np.zeros(4, np.float32)], 0.5) == [0, 1]
