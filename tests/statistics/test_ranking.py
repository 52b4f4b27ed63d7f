"""Measures of a ranking, against tables worked by hand and scikit-learn."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from millrace.errors import BadInputError
from millrace.statistics.ranking import average_precision, ndcg_at, precision_at, recall_at

RANKING = ["a", "b", "c", "d", "e"]
RELEVANT = {"a", "c", "z"}  # z is not found


def test_a_table_worked_by_hand() -> None:
    # hits at ranks 1 and 3 of three relevant: (1/1 + 2/3 + 0) / 3
    assert average_precision(RANKING, RELEVANT) == pytest.approx(5 / 9)
    assert [precision_at(k, RANKING, RELEVANT) for k in (1, 2, 3, 10)] == pytest.approx([1, 1 / 2, 2 / 3, 2 / 10])
    assert [recall_at(k, RANKING, RELEVANT) for k in (1, 3, 10)] == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_ndcg_of_graded_gains_worked_by_hand() -> None:
    gains = {"a": 1.0, "c": 3.0, "z": 2.0}
    found = 1 / log2(2) + 3 / log2(4)
    best = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert ndcg_at(10, RANKING, gains) == pytest.approx(found / best)
    assert ndcg_at(1, RANKING, gains) == pytest.approx(1 / 3)
    assert ndcg_at(2, ["c", "z"], gains) == 1.0


def test_nothing_relevant_leaves_measures_undefined_and_nothing_found_is_zero() -> None:
    assert (average_precision(RANKING, set()), recall_at(5, RANKING, set()), ndcg_at(5, RANKING, {})) == (None,) * 3
    assert ndcg_at(5, RANKING, {"a": 0.0}) is None
    assert precision_at(5, RANKING, set()) == 0
    gains = {"z": 1.0}
    assert (
        average_precision([], {"z"}),
        recall_at(5, [], {"z"}),
        ndcg_at(5, [], gains),
        precision_at(5, [], {"z"}),
    ) == ((0,) * 4)


@given(relevance=st.lists(st.integers(0, 3), min_size=2, max_size=30).filter(any), k=st.integers(1, 40))
def test_agrees_with_scikit_learn(relevance: list[int], k: int) -> None:
    ranking = list(range(len(relevance)))
    scores = np.arange(len(relevance))[::-1]  # distinct, in the ranking's order
    gains = {item: float(gain) for item, gain in enumerate(relevance) if gain}
    truth = np.array(relevance)
    assert average_precision(ranking, set(gains)) == pytest.approx(average_precision_score(truth > 0, scores))
    assert ndcg_at(k, ranking, gains) == pytest.approx(ndcg_score([truth], [scores], k=k))


@given(relevance=st.lists(st.booleans(), max_size=20).filter(any))
def test_a_perfect_ranking_has_one_everywhere_and_putting_a_hit_earlier_never_hurts(relevance: list[bool]) -> None:
    ranking = list(range(len(relevance)))
    relevant = {item for item in ranking if relevance[item]}
    perfect = sorted(ranking, key=lambda item: item not in relevant)
    gains = dict.fromkeys(relevant, 1.0)
    assert average_precision(perfect, relevant) == pytest.approx(1)
    assert ndcg_at(len(ranking), perfect, gains) == pytest.approx(1)
    first = min(relevant)
    moved = [first, *(item for item in ranking if item != first)]
    assert (average_precision(moved, relevant) or 0) >= (average_precision(ranking, relevant) or 0)
    assert (ndcg_at(5, moved, gains) or 0) >= (ndcg_at(5, ranking, gains) or 0)


def test_an_item_ranked_twice_or_a_place_before_the_first_is_refused() -> None:
    twice = ["a", "b", "a"]
    with pytest.raises(BadInputError, match="twice"):
        average_precision(twice, RELEVANT)
    with pytest.raises(BadInputError, match="twice"):
        precision_at(1, twice, RELEVANT)
    with pytest.raises(BadInputError, match="twice"):
        recall_at(1, twice, RELEVANT)
    with pytest.raises(BadInputError, match="twice"):
        ndcg_at(1, twice, {"a": 1.0})
    with pytest.raises(BadInputError, match="counted from 1"):
        precision_at(0, RANKING, RELEVANT)
    with pytest.raises(BadInputError, match="at least 0"):
        ndcg_at(1, RANKING, {"a": -1.0})
