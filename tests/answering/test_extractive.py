"""The extractive answerer says only what the passages say, cites it exactly, and abstains when nothing is near."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.answering.config import AnsweringConfig
from millrace.answering.extractive import ABSTENTION, Candidate, Extract, candidates_of, extract, sentence_scores
from millrace.records.trace import RetrievedContext


def context(context_id: str, text: str, score: float = 0.9) -> RetrievedContext:
    return RetrievedContext(context_id=context_id, text=text, score=score)


def extract_with(cosines: list[float], config: AnsweringConfig, *, top: float = 0.9) -> Extract:
    """Sentences s0, s1 ... with these cosines to a question that shares no word with them."""
    candidates = [Candidate(f"s{i}", i, f"c{i}") for i in range(len(cosines))]
    vectors = np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in cosines], dtype=np.float32).reshape(-1, 2)
    contexts = [context(f"c{i}", "text", top) for i in range(len(cosines))]
    return extract("what?", np.array([1, 0], dtype=np.float32), contexts, candidates, vectors, config)


PURE = AnsweringConfig(similarity_weight=1, min_sentence_score=0.5, min_retrieval_score=0.3, relative_score=0.8)


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
