"""Reciprocal rank fusion: by ranks alone, whatever order the rankings come in."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.methods.fusion import reciprocal_rank_fusion

RANKINGS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=5)


def test_scores_are_sums_of_reciprocal_ranks() -> None:
    # b: 1/62 + 1/61, a: 1/61 + 1/63, c: 1/62
    fused = reciprocal_rank_fusion([["a", "b"], ["b", "c", "a"]])
    assert [item for item, _ in fused] == ["b", "a", "c"]
    assert [score for _, score in fused] == pytest.approx([1 / 62 + 1 / 61, 1 / 61 + 1 / 63, 1 / 62], abs=1e-15)


def test_with_a_small_offset_a_first_place_weighs_more_than_two_middle_ones() -> None:
    rankings = [["x", "p", "q", "a"], ["y", "r", "s", "a"]]
    # offset 0: x 1/1, a 1/4 + 1/4; offset 60: x 1/61, a 2/64
    assert [reciprocal_rank_fusion(rankings, rank_offset=offset)[0][0] for offset in (0, 60)] == ["x", "a"]


def test_equal_scores_go_to_the_better_rank_and_then_by_name() -> None:
    assert [item for item, _ in reciprocal_rank_fusion([["b"], ["a"], ["c"]])] == ["a", "b", "c"]
    # offset 0: "late" 1/2 + 1/2 is as good as "early" 1/1
    rankings = [["early"], ["m", "late"], ["n", "late"]]
    assert [item for item, _ in reciprocal_rank_fusion(rankings, rank_offset=0)][-1] == "late"


@given(rankings=RANKINGS, random=st.randoms(use_true_random=False))
def test_the_order_of_the_rankings_changes_nothing(rankings: list[list[str]], random: Random) -> None:
    shuffled = list(rankings)
    random.shuffle(shuffled)
    assert reciprocal_rank_fusion(shuffled) == reciprocal_rank_fusion(rankings)


@given(rankings=RANKINGS)
def test_every_item_is_there_once_and_scores_do_not_rise(rankings: list[list[str]]) -> None:
    fused = reciprocal_rank_fusion(rankings)
    assert sorted(item for item, _ in fused) == sorted({item for ranking in rankings for item in ranking})
    assert all(first >= second for (_, first), (_, second) in pairwise(fused))


@given(ranking=st.lists(st.text(), unique=True))
def test_one_ranking_stays_as_it_is(ranking: list[str]) -> None:
    assert [item for item, _ in reciprocal_rank_fusion([ranking])] == ranking
    assert [item for item, _ in reciprocal_rank_fusion([ranking, ranking, []])] == ranking


def test_a_repeated_item_or_a_negative_offset_is_refused() -> None:
    with pytest.raises(BadInputError, match="twice"):
        reciprocal_rank_fusion([["a", "b", "a"]])
    with pytest.raises(BadInputError, match="at least 0"):
        reciprocal_rank_fusion([["a"]], rank_offset=-1)
