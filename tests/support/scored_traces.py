"""Traces, groundedness scores and references from the fields that matter."""

from typing import Any

import pyarrow as pa

from millrace.datasets.schema import table_of
from millrace.methods.question_identity import question_key
from millrace.records.evaluation import MetricScore, Reference
from millrace.records.groundedness import GroundednessScore
from millrace.records.trace import Trace, utc

QUESTION = "How long is the warranty?"
KEY = question_key("a", QUESTION, [])


def traces(*rows: dict[str, Any]) -> pa.Table:
    """Traces t0, t1, ..., all with the same question."""
    known = {"time": utc(2026, 11, 9), "tenant_id": "a", "question": QUESTION}
    return table_of(Trace, [Trace(**{"trace_id": f"t{place}"} | known | row) for place, row in enumerate(rows)])


def context(text: str, context_id: str = "c1", **fields: Any) -> dict[str, Any]:
    return {"context_id": context_id, "text": text} | fields


def groundedness(**by_trace: float | str) -> pa.Table:
    """Scores, or reasons why there are none, by trace id."""
    rows = [
        GroundednessScore(
            trace_id=trace_id,
            score=None if isinstance(given, str) else given,
            reason=given if isinstance(given, str) else None,
            source="test/1",
        )
        for trace_id, given in by_trace.items()
    ]
    return table_of(GroundednessScore, rows)


def references(*rows: dict[str, Any]) -> pa.Table:
    known = {"question_key": KEY, "tenant_id": "a", "source": "test"}
    return table_of(Reference, [Reference(**known | row) for row in rows])


def metric_scores(*rows: dict[str, Any]) -> pa.Table:
    """Scores of groundedness unless told otherwise."""
    known = {"question_key": KEY, "metric": "groundedness", "tier": "model_free", "source": "test/1"}
    return table_of(MetricScore, [MetricScore(**known | {"status": "scored"} | row) for row in rows])
