"""How far answers are supported by their passages, without a judge.

A cascade: every sentence of an answer is compared with the passages by its content words, bigrams, numbers and names.
Only where the words leave it open are sentence vectors compared too. The sentences' logits, weighted by their content
words, give the trace's logit. Coefficients are fitted by ``benchmarks/fit_groundedness.py``; the measurements are in
``docs/decisions/0005-groundedness.md``.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from millrace.datasets.schema import arrow_schema
from millrace.errors import BadInputError
from millrace.methods.abstention import is_abstention
from millrace.methods.groundedness_features import (
    AnswerSentence,
    LexicalSupport,
    PassageEvidence,
    answer_sentences,
    lexical_support,
    nearest_sentences,
    passage_evidence,
)
from millrace.methods.text import content_words
from millrace.ports import Embedder, Vectors
from millrace.records.groundedness import GroundednessScore

_COLUMNS = ("trace_id", "question", "history", "contexts", "answer", "status")
_ROWS_AT_ONCE = 512
_PASSAGES_KEPT = 8192  # passages of 1 300 characters take about 25 kB each as sets of words
_PAIRS_AT_ONCE = 4096


class GroundednessCoefficients(BaseModel):
    """Weights of the logit; every feature is in [0, 1], but for the cosine, taken from ``neutral_cosine``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    intercept: float
    words: float
    bigrams: float
    unsupported_numbers: float
    unsupported_names: float
    cosine: float


class GroundednessModel(BaseModel):
    """What the scorer needs to know; shipped as ``configs/groundedness.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    version: int = Field(ge=1, description="Raised whenever a score may change")
    embedding_model: str = Field(description="The sentence-embedding model that the coefficients were fitted with")
    coefficients: GroundednessCoefficients
    undecided_above: float = Field(ge=0, le=1, description="Below or at this share of words found, words decide alone")
    undecided_below: float = Field(ge=0, le=1, description="At or above this share of words found, words decide alone")
    neutral_cosine: float = Field(ge=-1, le=1, description="The cosine that says nothing either way")
    n_candidates: int = Field(ge=1, le=50, description="Passage sentences whose vectors are compared")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "GroundednessModel":
        if self.undecided_above > self.undecided_below:
            raise ValueError("undecided_above must not exceed undecided_below")
        return self

    @property
    def source(self) -> str:
        """The scorer's name in records."""
        return f"embedded-groundedness/{self.version}"

    def is_undecided(self, lexical: LexicalSupport) -> bool:
        """Whether a sentence's vectors are to be compared."""
        return self.undecided_above < lexical.words < self.undecided_below

    def logit(self, lexical: LexicalSupport, cosine: float | None) -> float:
        """A sentence's logit; ``cosine`` is None where words decide alone."""
        weights = self.coefficients
        return (
            weights.intercept
            + weights.words * lexical.words
            + weights.bigrams * lexical.bigrams
            + weights.unsupported_numbers * lexical.unsupported_numbers
            + weights.unsupported_names * lexical.unsupported_names
            + (0.0 if cosine is None else weights.cosine * (cosine - self.neutral_cosine))
        )


@dataclass(slots=True)
class MeasuredSentence:
    """A sentence's features; ``candidates`` are (passage, sentence of it), nearest first by shared words."""

    text: str
    lexical: LexicalSupport
    candidates: list[tuple[str, str]]
    undecided: bool
    cosine: float | None = None
    context_id: str | None = None


@dataclass(slots=True)
class MeasuredTrace:
    """A trace's sentences, or the reason why it has no score."""

    trace_id: str
    reason: str | None
    sentences: list[MeasuredSentence]


def score_groundedness(traces: pa.Table, *, embedder: Embedder, model: GroundednessModel) -> pa.Table:
    """Score every trace of a table; a trace's result does not depend on the others.

    Args:
        traces: columns of ``Trace``; trace_id, question, history, contexts, answer and status are read. Texts that
            repeat are tokenised and embedded once, so a part of 10 000 rows is a good size; vectors of its undecided
            sentences are held at once (1.5 kB each).
        embedder: embeds the undecided sentences.
        model: coefficients and thresholds.

    Returns:
        Rows of ``GroundednessScore`` in the order of the traces. The score is None with a reason when there is nothing
        to compare: no answer, an abstention, no passage, no content word.

    Raises:
        BadInputError: a column is missing.
    """
    measured = measure_traces(traces, embedder=embedder, model=model)
    return pa.Table.from_pylist(
        [_score_row(trace, model) for trace in measured], schema=arrow_schema(GroundednessScore)
    )


def measure_traces(traces: pa.Table, *, embedder: Embedder, model: GroundednessModel) -> list[MeasuredTrace]:
    """The features of every trace, cosines included; ``model`` gives only the thresholds of the cascade."""
    missing = [name for name in _COLUMNS if name not in traces.column_names]
    if missing:
        raise BadInputError(f"not a table of traces: missing columns {missing}", missing=missing)
    evidence_of = lru_cache(maxsize=_PASSAGES_KEPT)(passage_evidence)
    measured = [_measure_words(row, evidence_of, model) for row in _rows(traces)]
    _compare_vectors([s for trace in measured for s in trace.sentences if s.undecided], embedder)
    return measured


def trace_score(trace: MeasuredTrace, model: GroundednessModel) -> float | None:
    """The logistic of the word-weighted mean of the sentences' logits, in (0, 1); None without sentences."""
    if not trace.sentences:
        return None
    n_words = sum(sentence.lexical.n_words for sentence in trace.sentences)
    total = math.fsum(s.lexical.n_words * model.logit(s.lexical, s.cosine) for s in trace.sentences)
    return _logistic(total / n_words)


def _rows(traces: pa.Table) -> Iterator[Mapping[str, Any]]:
    for batch in traces.select(list(_COLUMNS)).to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _measure_words(
    row: Mapping[str, Any], evidence_of: Callable[[str], PassageEvidence], model: GroundednessModel
) -> MeasuredTrace:
    measure = partial(MeasuredTrace, row["trace_id"])
    if row["status"] == "abstained":
        return measure("abstained", [])
    answer = row["answer"]
    if row["status"] != "answered" or answer is None or not answer.strip():
        return measure("no_answer", [])
    if is_abstention(answer):
        return measure("abstained", [])
    contexts = [context for context in row["contexts"] or () if context["text"].strip()]
    if not contexts:
        return measure("no_context", [])
    passages = [evidence_of(context["text"]) for context in contexts]
    said_before = cache(partial(_said_before, row))
    context_ids = [context["context_id"] for context in contexts]
    sentences = [_measure_sentence(s, passages, context_ids, said_before, model) for s in answer_sentences(answer)]
    return measure(None if sentences else "no_claim", sentences)


def _said_before(row: Mapping[str, Any]) -> frozenset[str]:
    turns = [row["question"], *(turn["text"] for turn in row["history"] or ())]
    return frozenset[str]().union(*map(content_words, turns))


def _measure_sentence(
    sentence: AnswerSentence,
    passages: Sequence[PassageEvidence],
    context_ids: Sequence[str],
    said_before: Callable[[], frozenset[str]],
    model: GroundednessModel,
) -> MeasuredSentence:
    lexical = lexical_support(sentence, passages, said_before)
    undecided = model.is_undecided(lexical)
    nearest = nearest_sentences(sentence, passages, model.n_candidates if undecided else 1)
    candidates = [(context_ids[index], text) for index, text in nearest]
    context_id = candidates[0][0] if candidates else None
    return MeasuredSentence(sentence.text, lexical, candidates, undecided, context_id=context_id)


def _compare_vectors(sentences: Sequence[MeasuredSentence], embedder: Embedder) -> None:
    """Give each undecided sentence its largest cosine, and the passage where that was reached."""
    pairs = [(s.text, text) for s in sentences for _, text in s.candidates]
    if not pairs:
        return
    place = {text: index for index, text in enumerate(dict.fromkeys(text for pair in pairs for text in pair))}
    cosines = iter(_cosines(embedder.embed(list(place)), [(place[a], place[b]) for a, b in pairs]))
    for sentence in sentences:
        reached = [next(cosines) for _ in sentence.candidates]
        sentence.cosine = max(reached)
        sentence.context_id = sentence.candidates[reached.index(sentence.cosine)][0]


def _cosines(vectors: Vectors, pairs: Sequence[tuple[int, int]]) -> Iterable[float]:
    """Products row by row: unlike a matrix product, the sum's order does not depend on how many there are."""
    places = np.array(pairs)
    for start in range(0, len(places), _PAIRS_AT_ONCE):
        first, second = places[start : start + _PAIRS_AT_ONCE].T
        products: npt.NDArray[np.float64] = vectors[first].astype(np.float64) * vectors[second]
        yield from np.clip(products.sum(axis=1), -1.0, 1.0).tolist()


def _score_row(trace: MeasuredTrace, model: GroundednessModel) -> dict[str, Any]:
    return {
        "trace_id": trace.trace_id,
        "score": trace_score(trace, model),
        "reason": trace.reason,
        "source": model.source,
        "sentences": [
            {
                "start": s.lexical.start,
                "end": s.lexical.end,
                "support": _logistic(model.logit(s.lexical, s.cosine)),
                "level": "embedding" if s.undecided else "lexical",
                "context_id": s.context_id,
            }
            for s in trace.sentences
        ],
    }


def _logistic(logit: float) -> float:
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    return math.exp(logit) / (1.0 + math.exp(logit))
