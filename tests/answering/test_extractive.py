"""The extractive answerer says only what the passages say, cites it exactly, and abstains when nothing is near."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.answering.draft import Draft, Passage
from millrace.answering.extractive import (
    ABSTENTION,
    Candidate,
    Extract,
    ExtractiveConfig,
    candidates_of,
    extract,
    extract_drafts,
    sentence_scores,
)
from millrace.records.trace import RetrievedContext
from tests.support.drafts import draft
from tests.support.embedder import HashedWords


def context(context_id: str, text: str, score: float = 0.9) -> RetrievedContext:
    return RetrievedContext(context_id=context_id, text=text, score=score)


def extract_with(cosines: list[float], config: ExtractiveConfig, *, top: float = 0.9) -> Extract:
    """Sentences s0, s1 ... with these cosines to a question that shares no word with them."""
    candidates = [Candidate(f"s{i}", i, f"c{i}") for i in range(len(cosines))]
    vectors = np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in cosines], dtype=np.float32).reshape(-1, 2)
    contexts = [context(f"c{i}", "text", top) for i in range(len(cosines))]
    return extract("what?", np.array([1, 0], dtype=np.float32), contexts, candidates, vectors, config)


PURE = ExtractiveConfig(similarity_weight=1, min_sentence_score=0.5, min_retrieval_score=0.3, relative_score=0.8)


def test_the_best_sentences_are_said_in_the_order_of_the_passages() -> None:
    # best .9, others need .8 x .9 = .72; at most three of the four
    assert extract_with([0.75, 0.5, 0.9, 0.8, 0.78], PURE).answer == "s2 s3 s4"


def test_further_sentences_need_their_share_of_the_best_score() -> None:
    assert extract_with([0.9, 0.71], PURE).answer == "s0"
    assert extract_with([0.9, 0.73], PURE).answer == "s0 s1"


@pytest.mark.parametrize(("cosine", "top"), [(0.49, 0.9), (0.9, 0.29)], ids=["sentence", "passage"])
def test_below_a_threshold_the_answer_is_the_abstention_without_citations(cosine: float, top: float) -> None:
    found = extract_with([cosine], PURE, top=top)
    assert (found.answer, found.citations) == (ABSTENTION, ())
    assert found.best_score == pytest.approx(cosine)


def test_without_sentences_it_abstains() -> None:
    assert extract_with([], PURE) == Extract(ABSTENTION, (), None)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_citations_cover_the_answer_sentence_by_sentence(cosines: list[float]) -> None:
    found = extract_with(cosines, PURE)
    said = [found.answer[citation.start : citation.end] for citation in found.citations]
    assert said == [f"s{citation.context_id[1:]}" for citation in found.citations]
    assert found.answer == (" ".join(said) or ABSTENTION)


def test_a_score_mixes_cosine_with_the_share_of_the_questions_words() -> None:
    # content words asked: failed, task, retried; the sentence has 2 of 3; cosine 0.6
    candidate = Candidate("A failed task waits.", 0, "c")
    (score,) = sentence_scores(
        "Is a failed task retried?",
        np.array([1, 0], dtype=np.float32),
        [candidate],
        np.array([[0.6, 0.8]], dtype=np.float32),
        0.7,
    )
    assert score == pytest.approx(0.7 * 0.6 + 0.3 * 2 / 3)


def test_a_sentences_score_does_not_depend_on_the_other_sentences() -> None:
    random = np.random.default_rng(5)
    vectors = random.normal(size=(33, 384)).astype(np.float32)
    question = random.normal(size=384).astype(np.float32)
    candidates = [Candidate("some text", 0, "c")] * 33
    together = sentence_scores("q", question, candidates, vectors, 0.7)
    assert together == [sentence_scores("q", question, candidates[:1], row[None], 0.7)[0] for row in vectors]


def test_code_tables_headings_and_fragments_are_no_candidates() -> None:
    text = (
        "# A heading of several content words\n\nThe worker polls the queue.\n\n"
        "```python\nresult = run the worker code\n```\n\n"
        "| worker | polls | queue |\n\nSee below.\n\n- The [server](https://example.org) stores every run.\n"
        "- It keeps\n  logs of finished runs.\n\n~~~\nnever closed worker code\n"
    )
    assert [candidate.text for candidate in candidates_of([context("c", text)])] == [
        "The worker polls the queue.",
        "The server stores every run.",
        "It keeps logs of finished runs.",
    ]


def test_a_sentence_in_two_passages_is_cited_from_the_better_one() -> None:
    same = "The worker polls the queue."
    assert candidates_of([context("first", same), context("second", same)]) == [Candidate(same, 0, "first")]


WORKER = "The worker polls the queue. It keeps logs of finished runs."
SERVER = "The server stores every run. Old results are deleted by the collector."


def searched(text: str, *passages: str, score: float | None = None) -> Draft:
    """A draft as retrieval leaves it: vectors of the question and of its passages, and the score of the search."""
    embedder = HashedWords()
    found = tuple(
        Passage(context(f"c{n}", passage).model_copy(update={"score": score}), embedder.embed([passage])[0])
        for n, passage in enumerate(passages, start=1)
    )
    return draft(text, passages=found, query_vector=embedder.embed([text])[0])


class CountingEmbedder(HashedWords):
    def __init__(self) -> None:
        self.batches: list[int] = []

    def embed(self, texts):  # type: ignore[no-untyped-def]
        self.batches.append(len(texts))
        return super().embed(texts)


def test_a_draft_is_answered_with_cited_sentences_of_its_passages() -> None:
    (step,) = extract_drafts([searched("What polls the queue?", WORKER, SERVER)], HashedWords(), ExtractiveConfig())
    assert (step.draft.answer, step.draft.status, step.draft.answered_by) == (
        "The worker polls the queue.",
        None,
        "extractive",
    )
    assert [(cited.start, cited.end, cited.context_id) for cited in step.draft.citations] == [(0, 27, "c1")]
    assert (step.facts["answerer"], step.facts["n_candidates"]) == ("extractive", 4)


@pytest.mark.parametrize("passages", [(), (SERVER,)])
def test_what_no_passage_holds_is_abstained_from_at_once(passages: tuple[str, ...]) -> None:
    (step,) = extract_drafts([searched("Which vitamins has an orange?", *passages)], HashedWords(), ExtractiveConfig())
    assert (step.draft.status, step.draft.answer, step.draft.citations) == ("abstained", ABSTENTION, ())


@pytest.mark.parametrize("score", [0.016, -3.0, None], ids=["fused ranks", "reranker", "unknown"])
def test_the_passages_cosine_counts_whatever_score_the_search_gave(score: float | None) -> None:
    (step,) = extract_drafts(
        [searched("What polls the queue?", WORKER, score=score)], HashedWords(), ExtractiveConfig()
    )
    assert step.draft.answer == "The worker polls the queue."


def test_without_a_search_the_passages_that_came_along_are_read() -> None:
    (before,) = [searched("What polls the queue?", WORKER)]
    unsearched = draft("What polls the queue?", passages=before.passages)
    (step,) = extract_drafts([unsearched], HashedWords(), ExtractiveConfig())
    assert step.draft.answer == "The worker polls the queue."


def test_a_route_that_retrieves_nothing_is_abstained_from() -> None:
    (step,) = extract_drafts([draft("Say hello!", route="direct_llm")], HashedWords(), ExtractiveConfig())
    assert (step.draft.status, step.draft.answer) == ("abstained", ABSTENTION)
    assert "a gateway would answer it" in str(step.facts["reason"])


def test_sentences_are_embedded_together_once_and_in_bounded_batches() -> None:
    drafts = [searched(f"What polls queue {n}?", WORKER, SERVER) for n in range(300)]
    embedder = CountingEmbedder()
    together = extract_drafts(drafts, embedder, ExtractiveConfig())
    assert embedder.batches == [4, 4]  # four sentences, 256 drafts at once
    alone = [step for each in drafts for step in extract_drafts([each], HashedWords(), ExtractiveConfig())]
    assert [step.draft.answer for step in together] == [step.draft.answer for step in alone]


def test_no_drafts_are_no_work() -> None:
    assert extract_drafts([], HashedWords(), ExtractiveConfig()) == []
