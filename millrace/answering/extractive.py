"""The extractive answerer: the passages' own sentences, cited, or the statement that nothing was found.

It stands in for a language model where none is configured: it cannot join, infer or count.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.draft import Draft, Step
from millrace.methods.prose import prose_sentences
from millrace.methods.text import content_words
from millrace.ports import Embedder, Vectors
from millrace.records.trace import Citation, RetrievedContext

ANSWERER = "extractive"
ABSTENTION = "I could not find an answer to this question in the documents."
_DRAFTS_AT_ONCE = 256  # some 10 000 sentences, 15 MB of vectors
_PASSAGES_KEPT = 8192

Sentences = Callable[[str], Sequence[str]]


class ExtractiveConfig(BaseModel):
    """When a sentence is good enough to be an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_sentences: int = Field(3, ge=1, le=10, description="Most sentences in an answer")
    similarity_weight: float = Field(
        0.7, ge=0, le=1, description="Weight of embedding similarity; the rest is the share of the question's words"
    )
    min_retrieval_score: float = Field(
        0.15, ge=-1, le=1, description="With no passage of at least this cosine, nothing was found"
    )
    min_sentence_score: float = Field(
        0.35, ge=-1, le=1, description="With no sentence of at least this score, nothing was found"
    )
    relative_score: float = Field(
        0.9, ge=0, le=1, description="A further sentence needs this share of the best sentence's score"
    )


@dataclass(frozen=True)
class Candidate:
    """A sentence that could be part of the answer, and the rank of the passage it is from."""

    text: str
    rank: int
    context_id: str


@dataclass(frozen=True)
class Extract:
    """An answer with its citations; without citations it is the abstention."""

    answer: str
    citations: tuple[Citation, ...]
    best_score: float | None  # of any sentence; None without candidates


def extract_drafts(drafts: Sequence[Draft], embedder: Embedder, config: ExtractiveConfig) -> list[Step]:
    """Answer each draft from its passages, or abstain.

    Sentences are embedded once for some hundred drafts together, which bounds memory. An abstention is decided at
    once. So is a draft for which nothing was retrieved because its route skips retrieval: there is nothing to quote,
    and the step's facts say that a gateway would answer it.
    """
    sentences_of = lru_cache(maxsize=_PASSAGES_KEPT)(prose_sentences)
    steps: list[Step] = []
    for start in range(0, len(drafts), _DRAFTS_AT_ONCE):
        steps.extend(_extract_some(drafts[start : start + _DRAFTS_AT_ONCE], embedder, config, sentences_of))
    return steps


def candidates_of(contexts: Sequence[RetrievedContext], sentences_of: Sentences = prose_sentences) -> list[Candidate]:
    """Prose sentences of the passages in their order, without code, tables, headings and fragments; no text twice."""
    found: dict[str, Candidate] = {}
    for rank, context in enumerate(contexts):
        for sentence in sentences_of(context.text):
            found.setdefault(sentence, Candidate(sentence, rank, context.context_id))
    return list(found.values())


def extract(
    question: str,
    question_vector: Vectors,
    contexts: Sequence[RetrievedContext],
    candidates: Sequence[Candidate],
    vectors: Vectors,
    config: ExtractiveConfig,
) -> Extract:
    """Choose the sentences nearest to the question, and say them in the order of the passages.

    Args:
        question: its text, for the words it shares with sentences.
        question_vector: unit vector of shape (dimension,).
        contexts: passages, best first; ``score`` is their cosine to the question.
        candidates: from :func:`candidates_of` the contexts, length n_sentences.
        vectors: the candidates' unit vectors, shape (n_sentences, dimension).
        config: weights and thresholds.

    Returns:
        One to ``config.n_sentences`` sentences joined by spaces, each with its citation; or the abstention, when no
        passage or no sentence reaches its threshold.
    """
    scores = sentence_scores(question, question_vector, candidates, vectors, config.similarity_weight)
    best = max(scores, default=None)
    nearest = max((context.score or 0.0 for context in contexts), default=-1.0)
    if best is None or best < config.min_sentence_score or nearest < config.min_retrieval_score:
        return Extract(ABSTENTION, (), best)
    ranked = sorted(range(len(candidates)), key=lambda place: (-scores[place], place))[: config.n_sentences]
    chosen = sorted(place for place in ranked if scores[place] >= config.relative_score * best)
    return _joined([candidates[place] for place in chosen], best)


def sentence_scores(
    question: str, question_vector: Vectors, candidates: Sequence[Candidate], vectors: Vectors, similarity_weight: float
) -> list[float]:
    """Weighted mean of cosine and of the share of the question's content words that the sentence has; in [-1, 1]."""
    asked = frozenset(content_words(question))
    shares = [_share(asked, candidate.text) for candidate in candidates]
    pairs = zip(_cosines(vectors, question_vector), shares, strict=True)
    return [similarity_weight * cosine + (1 - similarity_weight) * share for cosine, share in pairs]


def _extract_some(
    drafts: Sequence[Draft], embedder: Embedder, config: ExtractiveConfig, sentences_of: Sentences
) -> Iterator[Step]:
    candidates = [candidates_of([each.context for each in draft.passages], sentences_of) for draft in drafts]
    # Questions whose passages were brought along, without a search, have no vector yet.
    queries = [draft.query for draft in drafts if draft.query_vector is None and draft.passages]
    texts = dict.fromkeys([*queries, *(candidate.text for each in candidates for candidate in each)])
    place = {text: row for row, text in enumerate(texts)}
    vectors = embedder.embed(list(texts))
    for draft, own in zip(drafts, candidates, strict=True):
        if draft.query_vector is None and not draft.passages:
            yield _nothing_retrieved(draft)
            continue
        asked = vectors[place[draft.query]] if draft.query_vector is None else draft.query_vector
        contexts = _with_cosines(draft, asked)
        rows = vectors[[place[candidate.text] for candidate in own]]
        yield _answered(draft, extract(draft.query, asked, contexts, own, rows, config), len(own))


def _with_cosines(draft: Draft, asked: Vectors) -> list[RetrievedContext]:
    """The passages with their cosine as the score: what a search reports may be a rank's or a reranker's."""
    return [
        passage.context.model_copy(update={"score": cosine})
        for passage in draft.passages
        for cosine in _cosines(passage.vector[None], asked)
    ]


def _answered(draft: Draft, found: Extract, n_candidates: int) -> Step:
    answered = replace(draft, answer=found.answer, citations=found.citations, answered_by=ANSWERER)
    facts = {"answerer": ANSWERER, "n_candidates": n_candidates, "best_score": found.best_score}
    return Step(answered if found.citations else answered.ended("abstained"), facts)


def _nothing_retrieved(draft: Draft) -> Step:
    reason = f"route {draft.route} retrieves nothing that could be quoted: a gateway would answer it"
    abstained = replace(draft, answer=ABSTENTION, answered_by=ANSWERER).ended("abstained")
    return Step(abstained, {"answerer": ANSWERER, "reason": reason})


def _cosines(vectors: Vectors, asked: Vectors) -> list[float]:
    # Summed row by row: a matrix product's last bits depend on how many rows it has.
    cosines: list[float] = (vectors.astype(np.float64) * asked.astype(np.float64)).sum(axis=1).tolist()
    return cosines


def _share(asked: frozenset[str], sentence: str) -> float:
    return len(asked.intersection(content_words(sentence))) / len(asked) if asked else 0.0


def _joined(chosen: Sequence[Candidate], best: float) -> Extract:
    citations = []
    end = -1
    for candidate in chosen:
        start = end + 1
        end = start + len(candidate.text)
        citations.append(Citation(start=start, end=end, context_id=candidate.context_id))
    return Extract(" ".join(candidate.text for candidate in chosen), tuple(citations), best)
