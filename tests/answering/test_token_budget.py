"""Never over the budget, never a sentence cut in two, the best first."""

from collections.abc import Sequence
from math import ceil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.answering.token_budget import TokenBudgetConfig, budget_drafts, fit_passages
from millrace.answering.units import budget_units
from tests.support.narrowing import draft_of, names_of, passage, texts_of


class Words:
    """A token is a word."""

    identity = "words"

    def __init__(self) -> None:
        self.n_calls = 0

    def count(self, texts: Sequence[str]) -> list[int]:
        self.n_calls += 1
        return [len(text.split()) for text in texts]


class Characters(Words):
    """A token is a character, white space included: sentences joined have more tokens than by themselves."""

    identity = "characters"

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]


class Rounded(Words):
    """Rounded up, as an estimate is: sentences by themselves have more tokens than joined."""

    identity = "rounded"

    def count(self, texts: Sequence[str]) -> list[int]:
        return [ceil(1.2 * len(text.split())) for text in texts]


FOUR, THREE = "One two. Three four.", "Five six. Seven."
COUNTERS = st.sampled_from([Words(), Characters(), Rounded()])


def fitted(texts: Sequence[str], budget: int) -> list[tuple[int, str]]:
    return list(fit_passages(texts, budget, Words().count).texts)


def test_passages_are_kept_best_first_and_the_first_that_does_not_fit_ends_with_a_sentence() -> None:
    assert fitted([FOUR, THREE, "Eight."], 7) == [(0, FOUR), (1, THREE)]
    assert fitted([FOUR, THREE, "Eight."], 6) == [(0, FOUR), (1, "Five six.")]
    assert fitted([FOUR, THREE, "Eight."], 5) == [(0, FOUR)]
    assert fitted([FOUR, THREE, "Eight."], 3) == [(0, "One two.")]


def test_a_later_passage_never_takes_the_place_of_a_better_one() -> None:
    assert fitted([FOUR, "One two three four.", "Five."], 5) == [(0, FOUR)]


def test_a_sentence_longer_than_the_whole_budget_is_left_out_and_counted() -> None:
    found = fit_passages(["One two three four five. Six.", "Seven."], 3, Words().count)
    assert found.texts == ((0, "Six."), (1, "Seven."))
    assert (found.n_tokens, found.n_too_long) == (2, 1)


def test_a_passage_of_one_sentence_that_is_too_long_is_dropped() -> None:
    found = fit_passages(["One two three four."], 3, Words().count)
    assert (found.texts, found.n_tokens, found.n_too_long) == ((), 0, 1)


def test_a_code_block_is_not_cut() -> None:
    text = "Run this. Then.\n\n```\none two\nthree four\n```"
    assert fitted([text], 8) == [(0, "Run this. Then.")]
    assert fitted([text], 9) == [(0, text)]


def test_white_space_between_sentences_counts() -> None:
    # sentences of 8 and 11 characters: 19 by themselves, 20 with the space between them
    assert list(fit_passages([FOUR], 19, Characters().count).texts) == [(0, "One two.")]
    assert list(fit_passages([FOUR], 20, Characters().count).texts) == [(0, FOUR)]


def test_a_passage_that_fits_is_not_counted_by_its_sentences() -> None:
    # four words are 4.8, so 5; two sentences of two words are 2.4 each, so 6
    assert list(fit_passages([FOUR], 5, Rounded().count).texts) == [(0, FOUR)]


def test_each_route_has_its_own_budget() -> None:
    config = TokenBudgetConfig(default=7, by_route={"short": 2})
    drafts = [draft_of("q", [passage(FOUR, name="four")], route=route) for route in ("short", "other")]
    short, other = budget_drafts(drafts, Words(), config)
    assert texts_of(short.draft) == ["One two."]
    assert short.facts == {
        "budget": 2,
        "n_tokens": 2,
        "tokenizer": "words",
        "n_dropped": 0,
        "n_cut": 1,
        "n_sentences_too_long": None,
    }
    assert texts_of(other.draft) == [FOUR]
    assert (other.facts["budget"], other.facts["n_tokens"], other.facts["n_cut"]) == (7, 4, 0)


def test_a_passage_that_fits_is_left_as_it_is_and_a_cut_one_keeps_its_identity() -> None:
    first, second = passage(FOUR, name="first", score=0.9), passage(THREE, name="second", score=0.8)
    (step,) = budget_drafts([draft_of("q", [first, second])], Words(), TokenBudgetConfig(default=6))
    assert step.draft.passages[0] is first
    assert names_of(step.draft) == ["first", "second"]
    assert step.draft.passages[1].context.score == 0.8
    assert step.draft.passages[1].vector is second.vector


def test_passages_that_fit_are_counted_in_one_call() -> None:
    tokenizer = Words()
    budget_drafts([draft_of("q", [passage(FOUR), passage(THREE)])] * 100, tokenizer, TokenBudgetConfig())
    assert tokenizer.n_calls == 1


def test_no_passages_take_no_tokens() -> None:
    (step,) = budget_drafts([draft_of("q", [])], Words(), TokenBudgetConfig())
    assert step.facts["n_tokens"] == 0


@pytest.mark.parametrize("bad", [{"default": 0}, {"by_route": {"short": 0}}, {"tokens": 5}])
def test_settings_are_closed_and_bounded(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TokenBudgetConfig.model_validate(bad)


SENTENCES = st.lists(st.sampled_from(["one", "three", "five"]), min_size=1, max_size=7).map(
    lambda words: " ".join(words).capitalize() + "."
)
GAPS = st.sampled_from([" ", "\n\n", "  "])
TEXTS = st.lists(st.tuples(SENTENCES, GAPS), min_size=1, max_size=5).map(
    lambda pieces: "".join(sentence + gap for sentence, gap in pieces).strip()
)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXTS, max_size=5), budget=st.integers(1, 120), tokenizer=COUNTERS)
def test_never_over_budget_never_a_split_sentence_and_in_order(texts: list[str], budget: int, tokenizer: Words) -> None:
    found = fit_passages(texts, budget, tokenizer.count)
    kept = [text for _, text in found.texts]
    assert found.n_tokens == sum(tokenizer.count(kept)) <= budget
    places = [place for place, _ in found.texts]
    assert places == sorted(set(places))
    for place, text in found.texts:
        left = iter(sentences_of(texts[place]))
        assert all(sentence in left for sentence in sentences_of(text))
    if sum(tokenizer.count(texts)) <= budget:
        assert kept == texts


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXTS, max_size=5), budget=st.integers(1, 120), more=st.integers(0, 60), tokenizer=COUNTERS)
def test_a_larger_budget_keeps_all_that_a_smaller_one_keeps(
    texts: list[str], budget: int, more: int, tokenizer: Words
) -> None:
    longest = max((n for text in texts for n in tokenizer.count(sentences_of(text))), default=0)
    assume(longest <= budget)
    small = fit_passages(texts, budget, tokenizer.count)
    large = dict(fit_passages(texts, budget + more, tokenizer.count).texts)
    assert all(large[place].startswith(text) for place, text in small.texts)


def sentences_of(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in budget_units(text)]
