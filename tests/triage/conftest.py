from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import table_of
from millrace.methods.feedback import ratings_by_trace
from millrace.methods.injection import InjectionRule
from millrace.ports import Vectors
from millrace.records.feedback import Feedback
from millrace.records.groundedness import GroundednessScore
from millrace.records.rules import read_rules
from millrace.records.trace import Trace, utc
from millrace.triage.rules import TriageRules, read_triage_rules

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def traces() -> Callable[..., pa.Table]:
    """A table of traces from the fields that matter; the first is called t0."""

    def build(*rows: dict[str, Any]) -> pa.Table:
        known = {"time": utc(2026, 11, 9), "tenant_id": "a", "question": "How long is the warranty?"}
        return table_of(Trace, [Trace(**{"trace_id": f"t{i}"} | known | row) for i, row in enumerate(rows)])

    return build


@pytest.fixture
def scores() -> Callable[..., pa.Table]:
    """A table of groundedness scores by trace id."""

    def build(**by_trace: float | None) -> pa.Table:
        return table_of(
            GroundednessScore,
            [
                GroundednessScore(
                    trace_id=trace_id,
                    score=score,
                    reason="no_context" if score is None else None,
                    source="test/1",
                    sentences=[
                        {"start": 0, "end": 4, "support": score, "level": "lexical", "context_id": None},
                        {"start": 5, "end": 9, "support": 1.0, "level": "lexical", "context_id": None},
                    ]
                    if score is not None
                    else [],
                )
                for trace_id, score in by_trace.items()
            ],
        )

    return build


@pytest.fixture
def feedback() -> Callable[..., pa.Table]:
    """What users say of traces by id: the mean rating, or None and a correction."""

    def build(**by_trace: float | None) -> pa.Table:
        rows = [
            Feedback(
                feedback_id=trace_id,
                trace_id=trace_id,
                tenant_id="a",
                time=utc(2026, 11, 10),
                rating=rating,
                correction="Two years." if rating is None else None,
            )
            for trace_id, rating in by_trace.items()
        ]
        return ratings_by_trace([table_of(Feedback, rows)])

    return build


@pytest.fixture(scope="session")
def shipped_rules() -> TriageRules:
    return read_triage_rules(CONFIGS / "triage.yaml")


@pytest.fixture(scope="session")
def injection_rules() -> tuple[InjectionRule, ...]:
    return read_rules(CONFIGS / "injection.yaml", InjectionRule)


class WordEmbedder:
    """A text's vector is the normalised sum of one axis per word: the cosine counts shared words."""

    identity = "words/1"
    dimension = 512

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.split():
                row[int(sha256_json(word)[:8], 16) % self.dimension] += 1
            row /= np.linalg.norm(row) or 1
        return rows


@pytest.fixture
def word_embedder() -> WordEmbedder:
    return WordEmbedder()
