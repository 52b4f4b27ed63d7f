"""The reranker orders passages; without one, or when it is down, the order of retrieval stays."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.answering.rerank import RerankConfig, rerank_drafts
from millrace.errors import BadInputError, UnavailableError
from tests.support.narrowing import draft_of, names_of, passage


class ByLength:
    """Longer passages are better."""

    identity = "by-length"

    def __init__(self) -> None:
        self.calls: list[list[tuple[str, str]]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.calls.append(list(pairs))
        return [float(len(text)) for _, text in pairs]


class Down(ByLength):
    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        raise UnavailableError("nobody answers")


PASSAGES = [
    passage("b" * 3, name="three", score=0.9),
    passage("a", name="one", score=0.8),
    passage("c" * 5, name="five", score=0.7),
]


def test_the_best_scores_come_first_and_only_so_many_go_on() -> None:
    (step,) = rerank_drafts([draft_of("q", PASSAGES)], ByLength(), RerankConfig(max_passages=2))
    assert names_of(step.draft) == ["five", "three"]
    assert step.facts == {"reranker": "by-length", "n_passages": 2, "n_dropped": 1, "top_score": 5.0, "n_moved": 2}


def test_the_score_of_a_passage_stays_the_cosine() -> None:
    (step,) = rerank_drafts([draft_of("q", PASSAGES)], ByLength(), RerankConfig())
    assert [each.context.score for each in step.draft.passages] == [0.7, 0.9, 0.8]


def test_all_pairs_of_all_drafts_are_scored_in_one_call() -> None:
    scorer = ByLength()
    drafts = [draft_of("one", PASSAGES[:2]), draft_of("two", []), draft_of("three", PASSAGES[2:])]
    steps = rerank_drafts(drafts, scorer, RerankConfig())
    assert scorer.calls == [[("one", "bbb"), ("one", "a"), ("three", "ccccc")]]
    assert [names_of(step.draft) for step in steps] == [["three", "one"], [], ["five"]]
    assert steps[1].facts["top_score"] is None


def test_without_a_reranker_the_order_stays_and_the_facts_say_so() -> None:
    (step,) = rerank_drafts([draft_of("q", PASSAGES)], None, RerankConfig(max_passages=2))
    assert names_of(step.draft) == ["three", "one"]
    assert step.facts == {"reranker": "none", "n_passages": 2, "n_dropped": 1}


def test_a_reranker_that_is_down_leaves_the_order_and_the_facts_say_so() -> None:
    (step,) = rerank_drafts([draft_of("q", PASSAGES)], Down(), RerankConfig())
    assert names_of(step.draft) == ["three", "one", "five"]
    assert step.facts["not_reranked"] == "nobody answers"


def test_bad_settings_are_not_hidden() -> None:
    class Refused(ByLength):
        def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
            raise BadInputError("check the key")

    with pytest.raises(BadInputError, match="check the key"):
        rerank_drafts([draft_of("q", PASSAGES)], Refused(), RerankConfig())


def test_nothing_to_score_asks_nobody() -> None:
    (step,) = rerank_drafts([draft_of("q", [])], Down(), RerankConfig())
    assert "not_reranked" not in step.facts


@given(lengths=st.lists(st.integers(1, 6), max_size=12), most=st.integers(1, 12))
def test_ranks_follow_scores_and_ties_stay_in_order(lengths: list[int], most: int) -> None:
    passages = [passage("x" * length, name=str(place)) for place, length in enumerate(lengths)]
    (step,) = rerank_drafts([draft_of("q", passages)], ByLength(), RerankConfig(max_passages=most))
    expected = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))[:most]
    assert names_of(step.draft) == [str(place) for place in expected]
