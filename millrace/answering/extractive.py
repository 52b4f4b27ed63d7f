"""The extractive answerer: the passages' own sentences, cited, or the statement that nothing was found.

It stands in for a language model where none is configured: it cannot join, infer or count.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from millrace.answering.config import AnsweringConfig
from millrace.methods.text import content_words, sentence_spans, without_list_marker
from millrace.ports import Vectors
from millrace.records.trace import Citation, RetrievedContext

ABSTENTION = "I could not find an answer to this question in the documents."
_MIN_WORDS = 3  # of content; less is a label or a fragment
_FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,}).*?(?:^(?P=mark)|\Z)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[(?P<text>[^\]\n]*)\]\([^)\s]*(?: \"[^\"\n]*\")?\)")
_NO_PROSE = ("|", "#", "<", "!!!", "???", "import ")


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


def candidates_of(contexts: Sequence[RetrievedContext]) -> list[Candidate]:
    """Prose sentences of the passages in their order, without code, tables, headings and fragments; no text twice."""
    found: dict[str, Candidate] = {}
    for rank, context in enumerate(contexts):
        for sentence in _prose_sentences(context.text):
            found.setdefault(sentence, Candidate(sentence, rank, context.context_id))
    return list(found.values())


def extract(
    question: str,
    question_vector: Vectors,
    contexts: Sequence[RetrievedContext],
    candidates: Sequence[Candidate],
    vectors: Vectors,
    config: AnsweringConfig,
) -> Extract:
    """Choose the sentences nearest to the question, and say them in the order of the passages.

    Args:
        question: its text, for the words it shares with sentences.
        question_vector: unit vector of shape (dimension,).
        contexts: retrieved passages, best first.
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
    # Summed row by row: a matrix product's last bits depend on how many rows it has.
    cosines = (vectors.astype(np.float64) * question_vector.astype(np.float64)).sum(axis=1).tolist()
    asked = frozenset(content_words(question))
    shares = [_share(asked, candidate.text) for candidate in candidates]
    pairs = zip(cosines, shares, strict=True)
    return [similarity_weight * cosine + (1 - similarity_weight) * share for cosine, share in pairs]


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


def _prose_sentences(text: str) -> list[str]:
    prose = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    found = []
    for span in sentence_spans(prose):
        sentence = prose[span.start : span.end]
        if not sentence.startswith(_NO_PROSE):
            found.append(" ".join(_LINK.sub(r"\g<text>", without_list_marker(sentence)).split()))
    return [sentence for sentence in found if len(content_words(sentence)) >= _MIN_WORDS]
