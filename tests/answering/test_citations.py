"""Markers and quotes become citations of whole sentences; what names no passage is dropped and counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.answering.citations import CitedAnswer, Quote, cited_answer, moved_citations
from millrace.records.trace import Citation, RetrievedContext

PASSAGES = ["A failed task is retried three times.", "The server keeps every run for 30 days."]
CONTEXTS = [RetrievedContext(context_id=f"c{n}", text=text) for n, text in enumerate(PASSAGES, start=1)]


def cite(text: str, *quotes: Quote) -> CitedAnswer:
    return cited_answer(text, quotes, CONTEXTS)


def said(found: CitedAnswer) -> list[tuple[str, str]]:
    return [(found.answer[each.start : each.end], each.context_id) for each in found.citations]


@pytest.mark.parametrize(
    "text",
    [
        "Tasks are retried [1]. Runs are kept [2].",
        "Tasks are retried. [1] Runs are kept. [2]",
        "Tasks are retried[1]. Runs are kept.[2]",
        " [1] Tasks are retried. Runs are kept [2].",
        "Tasks are retried. [1]Runs [2]are kept.",
    ],
)
def test_a_marker_cites_for_the_sentence_it_stands_in_or_after(text: str) -> None:
    found = cite(text)
    assert found.answer == "Tasks are retried. Runs are kept."
    assert said(found) == [("Tasks are retried.", "c1"), ("Runs are kept.", "c2")]
    assert found.n_invalid == 0


@pytest.mark.parametrize("text", ["Both hold [1][2].", "Both hold [1, 2].", "Both hold [2] [1] [1]."])
def test_a_sentence_can_cite_several_passages_each_once(text: str) -> None:
    assert said(cite(text)) == [("Both hold.", "c1"), ("Both hold.", "c2")]


def test_a_passage_that_was_not_shown_is_dropped_and_counted() -> None:
    found = cite("Tasks are retried [3] [0]. Runs are kept [2].", Quote(7, "runs"))
    assert said(found) == [("Runs are kept.", "c2")]
    assert found.n_invalid == 3


@pytest.mark.parametrize(
    "text", ["Read `items[1]` first.", "Write ```x = [1]``` first.", "See [1](https://example.org) first."]
)
def test_code_and_links_are_no_markers(text: str) -> None:
    assert cite(text) == CitedAnswer(text, (), 0, 0)


def test_a_quote_cites_for_the_sentence_nearest_to_it() -> None:
    found = cite("Tasks are retried. The server keeps runs.", Quote(2, "server keeps every run"))
    assert said(found) == [("The server keeps runs.", "c2")]


def test_a_quote_adds_nothing_where_a_marker_names_its_passage() -> None:
    found = cite("Tasks are retried. The server keeps runs [1].", Quote(1, "A failed task is retried"))
    assert said(found) == [("The server keeps runs.", "c1")]


def test_a_quote_that_shares_no_word_with_the_answer_cites_nothing() -> None:
    found = cite("Yes.", Quote(1, "failed task"))
    assert (found.citations, found.n_invalid) == ((), 1)


@pytest.mark.parametrize(
    ("quote", "unfound"),
    [("a FAILED task\n is retried", 0), ("a failed task is never retried", 1), ("ed task", 1)],
)
def test_quotes_that_are_not_in_their_passage_are_counted(quote: str, unfound: int) -> None:
    assert cite("Tasks are retried [1].", Quote(1, quote)).n_unfound_quotes == unfound


def test_an_answer_of_markers_alone_cites_nothing() -> None:
    assert cite(" [1] [2]") == CitedAnswer("", (), 2, 0)


@given(
    st.lists(st.sampled_from(["Tasks are retried", ". ", " [1]", "[2]", " [9]", " `a[1]` ", "\n", " "]), max_size=12)
)
def test_citations_are_sentences_of_the_answer_and_every_marker_is_counted_once(pieces: list[str]) -> None:
    found = cite("".join(pieces))
    assert found.answer == found.answer.strip()
    for each in found.citations:
        sentence = found.answer[each.start : each.end]
        assert sentence
        assert sentence == sentence.strip()
    assert "[9]" not in found.answer
    assert found.n_invalid == sum(map(pieces.count, [" [9]"] if found.answer else [" [1]", "[2]", " [9]"]))


def test_a_citation_moves_with_its_sentence_or_goes() -> None:
    before, after = "One is. Two is.", "Well: Two is. One was."
    citations = [Citation(start=0, end=7, context_id="c1"), Citation(start=8, end=15, context_id="c2")]
    assert moved_citations(citations, before, after) == (Citation(start=6, end=13, context_id="c2"),)
    assert moved_citations(citations, before, before) == tuple(citations)
