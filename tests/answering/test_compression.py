"""Sentences without the question's words fall away; what is kept stays in order and whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.answering.compression import (
    CompressionConfig,
    SplitPassage,
    compress_drafts,
    kept_units,
    sentence_scores,
    split_passage,
)
from millrace.answering.units import compression_units
from tests.support.narrowing import draft_of, names_of, passage, texts_of

ALONE = CompressionConfig(min_relative_score=0, neighbour_weight=0)  # whatever has a word of the query
QUERY = "How often is a failed task retried?"
RETRIES = "Workers pull from a queue. A failed task is retried three times.\n\nThe queue is a table."
STORAGE = "Results lie in the home folder. Old ones are deleted."


def test_scores_match_bm25_worked_by_hand() -> None:
    sentences = [["retry", "task"], ["worker", "retry", "retry", "queue"], ["queue", "home"]]
    # n = 3, mean length 8/3. retry is in 2: ln(1 + 1.5/2.5) = .4700; worker in 1: ln(1 + 2.5/1.5) = .9808
    # k1 (1 - b + b l / m): 1.2 (.25 + .75 * 2 * 3/8) = .975 and 1.2 (.25 + .75 * 4 * 3/8) = 1.65
    # first: .4700 * 2.2 / 1.975; second: .4700 * 2.2 * 2 / 3.65 + .9808 * 2.2 / 2.65
    assert sentence_scores("Which worker does retry?", sentences) == pytest.approx([0.5235, 1.3809, 0], abs=1e-4)


@pytest.mark.parametrize("sentences", [[], [[]], [[], []]])
def test_without_words_there_are_no_scores_above_0(sentences: list[list[str]]) -> None:
    assert sentence_scores("retry", sentences) == [0.0] * len(sentences)


def test_sentences_without_the_querys_words_fall_away_with_the_passages_they_leave_empty() -> None:
    (step,) = compress_drafts([draft_of(QUERY, [passage(RETRIES, name="retries"), passage(STORAGE)])], ALONE)
    assert names_of(step.draft) == ["retries"]
    assert texts_of(step.draft) == ["A failed task is retried three times."]
    assert step.facts == {
        "words_found": True,
        "n_sentences_before": 5,
        "n_sentences_after": 1,
        "n_characters_before": len(RETRIES) + len(STORAGE),
        "n_characters_after": 37,
        "n_dropped": 1,
    }


def test_the_best_passage_stays_whole_when_nothing_of_it_is_chosen() -> None:
    (step,) = compress_drafts([draft_of(QUERY, [passage(STORAGE), passage(RETRIES)])], ALONE)
    assert texts_of(step.draft) == [STORAGE, "A failed task is retried three times."]
    assert step.facts["n_sentences_after"] == 3


def test_where_words_tell_nothing_all_stays_and_the_facts_say_so() -> None:
    passages = [passage(STORAGE), passage(RETRIES)]
    (step,) = compress_drafts([draft_of("Vitamins?", passages)], CompressionConfig(keep_share=0.1))
    assert step.draft.passages == tuple(passages)
    assert step.facts["words_found"] is False
    assert step.facts["n_sentences_after"] == step.facts["n_sentences_before"] == 5


def test_kept_sentences_stay_in_the_order_of_the_document() -> None:
    text = "A task is retried. The weather is fine. A failed task is retried often. Nothing here."
    (step,) = compress_drafts([draft_of(QUERY, [passage(text)])], ALONE)
    assert texts_of(step.draft) == ["A task is retried. A failed task is retried often."]


def test_a_neighbour_of_a_hit_is_kept_when_neighbours_count() -> None:
    text = "A failed task is retried. Three times at most. The weather is fine. It is warm."
    (step,) = compress_drafts([draft_of(QUERY, [passage(text)])], ALONE.model_copy(update={"neighbour_weight": 0.5}))
    assert texts_of(step.draft) == ["A failed task is retried. Three times at most."]


def test_neighbours_are_of_one_passage() -> None:
    first, second = passage("A failed task is retried."), passage("Three of them.")
    (step,) = compress_drafts([draft_of(QUERY, [first, second])], ALONE.model_copy(update={"neighbour_weight": 1.0}))
    assert texts_of(step.draft) == ["A failed task is retried."]


def test_a_list_with_a_hit_stays_whole() -> None:
    text = "The weather is fine. What happens:\n\n- a failed task is retried\n- the queue goes on\n\nIt is warm."
    (step,) = compress_drafts([draft_of(QUERY, [passage(text)])], ALONE)
    assert texts_of(step.draft) == ["What happens:\n\n- a failed task is retried\n- the queue goes on"]


def test_a_shortened_passage_keeps_identity_score_and_vector() -> None:
    before = passage(RETRIES, name="retries", score=0.7)
    (step,) = compress_drafts([draft_of(QUERY, [before])], ALONE)
    (after,) = step.draft.passages
    assert (after.context.context_id, after.context.score) == ("retries", 0.7)
    assert after.vector is before.vector


def test_a_sentence_far_below_the_best_falls_away() -> None:
    text = "A failed task is retried often. The weather is fine. Often it is warm and dry and bright all over the land."
    (all_hits,) = compress_drafts([draft_of("failed task retried warm", [passage(text)])], ALONE)
    assert all_hits.facts["n_sentences_after"] == 2
    strict = ALONE.model_copy(update={"min_relative_score": 0.5})
    (best,) = compress_drafts([draft_of("failed task retried warm", [passage(text)])], strict)
    assert texts_of(best.draft) == ["A failed task is retried often."]


def test_the_share_and_the_number_of_sentences_bound_what_is_kept() -> None:
    text = " ".join(["A failed task is retried."] * 10)
    for config, expected in (({"keep_share": 0.25}, 3), ({"keep_share": 1, "max_sentences": 2}, 2)):
        (step,) = compress_drafts([draft_of(QUERY, [passage(text)])], CompressionConfig(**config))
        assert step.facts["n_sentences_after"] == expected


def test_no_passages_are_no_work() -> None:
    (step,) = compress_drafts([draft_of(QUERY, [])], CompressionConfig())
    assert step.draft.passages == ()


@pytest.mark.parametrize("bad", [{"keep_share": 0}, {"max_sentences": 0}, {"min_relative_score": 2}, {"unknown": 1}])
def test_settings_are_closed_and_bounded(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        CompressionConfig.model_validate(bad)


WORDS = ["task", "failed", "retried", "queue", "folder", "home", "warm"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(
    lambda words: " ".join(words).capitalize() + "."
)
TEXTS = st.lists(SENTENCES, min_size=1, max_size=6).map(" ".join)
CONFIGS = st.builds(
    CompressionConfig,
    keep_share=st.floats(0.05, 1),
    max_sentences=st.integers(1, 12),
    min_relative_score=st.floats(0, 1),
    neighbour_weight=st.floats(0, 1),
)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), config=CONFIGS)
def test_what_is_kept_are_whole_sentences_in_order_within_the_bounds(
    texts: list[str], config: CompressionConfig
) -> None:
    passages = [passage(text, name=str(place)) for place, text in enumerate(texts)]
    (step,) = compress_drafts([draft_of(QUERY, passages)], config)
    names = names_of(step.draft)
    assert names[0] == "0"
    assert names == sorted(names)
    kept = 0
    for name, text in zip(names, texts_of(step.draft), strict=True):
        left = iter(sentences_of(texts[int(name)]))
        assert all(sentence in left for sentence in sentences_of(text))  # a subsequence
        kept += len(sentences_of(text))
    assert kept == step.facts["n_sentences_after"]
    whole_first = step.draft.passages[0].context.text == texts[0]
    if step.facts["words_found"] and not whole_first:
        assert kept <= config.max_sentences


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), config=CONFIGS, larger=st.floats(0.05, 1))
def test_a_larger_share_keeps_all_that_a_smaller_one_keeps(
    texts: list[str], config: CompressionConfig, larger: float
) -> None:
    small, large = sorted((config.keep_share, larger))
    split = [split_passage(text) for text in texts]

    def kept(share: float) -> list[set[int]] | None:
        found = kept_units(QUERY, split, config.model_copy(update={"keep_share": share}))
        return None if found is None else [set(places) for places in found]

    few, many = kept(small), kept(large)
    assert (few is None) == (many is None)
    # the first passage is whole when nothing of it is chosen, and may then shrink
    for fewer, more in zip((few or [])[1:], (many or [])[1:], strict=True):
        assert fewer <= more


def test_a_draft_comes_out_alike_alone_and_among_others() -> None:
    drafts = [
        draft_of(QUERY, [passage(RETRIES), passage(STORAGE)]),
        draft_of("Where do results lie?", [passage(STORAGE)]),
    ]
    together = compress_drafts(drafts, CompressionConfig())
    alone = [compress_drafts([draft], CompressionConfig())[0] for draft in drafts]
    assert [texts_of(step.draft) for step in together] == [texts_of(step.draft) for step in alone]
    assert [step.facts for step in together] == [step.facts for step in alone]


def test_splitting_gives_the_words_of_every_unit() -> None:
    assert split_passage("The queues. Ten tasks!").words == (("queue",), ("ten", "task"))
    assert split_passage("") == SplitPassage((), ())


def sentences_of(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in compression_units(text)]
