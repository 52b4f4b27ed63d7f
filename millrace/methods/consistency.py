"""Detectors of unsupported answers, under one protocol: how consistent is an answer with its passages?

A cross-encoder reads (passage, answer) pairs, one passage at a time; the embedded groundedness scorer compares an
answer's sentences with all passages together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, Protocol

import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.methods.groundedness import GroundednessModel, measure_traces, trace_score
from millrace.ports import Embedder, PairScorer
from millrace.records.trace import Trace, Turn

Aggregation = Literal["max", "mean", "min"]
InconsistentReason = Literal["no_answer", "no_context", "abstained", "no_claim"]

_AGGREGATES: Mapping[Aggregation, Callable[[Iterable[float]], float]] = {"max": max, "mean": fmean, "min": min}
_CASES_AT_ONCE = 2048
_COLUMNS = ("trace_id", "question", "history", "contexts", "answer", "status")


@dataclass(frozen=True)
class AnsweredCase:
    """An answer, the passages that it should follow from, and what was said before it."""

    answer: str
    contexts: tuple[str, ...]
    question: str = ""
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Consistency:
    """From 0, not supported at all, to 1, fully supported; None needs a reason.

    ``reason`` is no_answer (blank), no_context (no passage, or blank ones), abstained (the answer says that it has
    none) or no_claim (it has no content word).
    """

    value: float | None
    reason: str | None = None


class ConsistencyScorer(Protocol):
    """Tells how far passages support answers."""

    @property
    def identity(self) -> str:
        """Model, revision and whatever else decides the values; never an address or a secret."""

    def score(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        """One for each case, in order; a case's value does not depend on the others."""


@dataclass(frozen=True)
class PairConsistency:
    """Implements ``ConsistencyScorer`` by a cross-encoder that reads (passage, answer), in this order.

    The order matters: reversed, it asks whether the answer implies the passage. Over several passages the pairs'
    scores are aggregated: ``max`` asks for one passage that supports the whole answer.
    """

    scorer: PairScorer
    aggregation: Aggregation = "max"

    @property
    def identity(self) -> str:
        return f"{self.scorer.identity}/{self.aggregation}"

    def score(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        """Pairs that recur are read once; those of some two thousand cases are in memory together."""
        found: list[Consistency] = []
        for start in range(0, len(cases), _CASES_AT_ONCE):
            found.extend(self._score_some(cases[start : start + _CASES_AT_ONCE]))
        return found

    def _score_some(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        reasons = [_unscorable(case) for case in cases]
        pairs = [[] if reason else _pairs(case) for case, reason in zip(cases, reasons, strict=True)]
        distinct = list(dict.fromkeys(pair for each in pairs for pair in each))
        scores = dict(zip(distinct, self.scorer.score(distinct), strict=True)) if distinct else {}
        aggregate = _AGGREGATES[self.aggregation]
        return [
            Consistency(aggregate(scores[pair] for pair in each)) if each else Consistency(None, reason)
            for each, reason in zip(pairs, reasons, strict=True)
        ]


@dataclass(frozen=True)
class GroundednessConsistency:
    """Implements ``ConsistencyScorer`` by the embedded groundedness scorer; it needs no model but the embedder's."""

    embedder: Embedder
    model: GroundednessModel

    @property
    def identity(self) -> str:
        return self.model.source

    def score(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        """Vectors of some two thousand cases' undecided sentences are in memory together."""
        found: list[Consistency] = []
        for start in range(0, len(cases), _CASES_AT_ONCE):
            traces = _as_traces(cases[start : start + _CASES_AT_ONCE])
            measured = measure_traces(traces, embedder=self.embedder, model=self.model)
            found.extend(Consistency(trace_score(trace, self.model), trace.reason) for trace in measured)
        return found


def _pairs(case: AnsweredCase) -> list[tuple[str, str]]:
    return [(context, case.answer) for context in case.contexts if context.strip()]


def _unscorable(case: AnsweredCase) -> InconsistentReason | None:
    if not case.answer.strip():
        return "no_answer"
    return None if any(context.strip() for context in case.contexts) else "no_context"


def _as_traces(cases: Sequence[AnsweredCase]) -> pa.Table:
    schema = arrow_schema(Trace)
    rows = [
        {
            "trace_id": str(place),
            "question": case.question,
            "history": [turn.model_dump() for turn in case.history],
            "contexts": [{"context_id": str(rank), "text": text} for rank, text in enumerate(case.contexts)],
            "answer": case.answer,
            "status": "answered",
        }
        for place, case in enumerate(cases)
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in _COLUMNS]))
