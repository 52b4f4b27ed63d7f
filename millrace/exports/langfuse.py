"""Writes traces as Langfuse's API gives them, one trace a line (A13).

A trace has its question and history as chat messages in ``input``, its answer in ``output``, its passages as the output
of a retriever, and an observation for each span, for each timing without a span, and for each model call. What Langfuse
has no place for stands under ``millrace`` in the metadata. ``millrace import traces --mapping langfuse`` restores the
trace from it exactly.

Source: see ``millrace.ingestion.langfuse``.
"""

from datetime import datetime
from typing import Any

from millrace.datasets.canonical import canonical_json
from millrace.methods.otlp import otlp_span_id
from millrace.methods.trace_forms import Entry, timeline, trace_marks
from millrace.records.trace import ModelCall, Score, Trace

_MARKED = (
    "tenant_id", "citations", "status", "error", "answered_by", "config_hash", "route", "output", "redactions",
    "input_tokens", "output_tokens",
)  # fmt: skip


def langfuse_line(trace: Trace) -> bytes:
    """The trace as one ``TraceWithFullDetails`` document, without a line break."""
    return canonical_json(
        {
            "id": trace.trace_id,
            "timestamp": _iso(trace.time),
            "name": "millrace",
            "userId": trace.user_id,
            "sessionId": trace.session_id,
            "release": trace.pipeline_version,
            "version": None,
            "tags": trace.feature_flags,
            "public": False,
            "environment": "default",
            "input": [
                *({"role": turn.speaker, "content": turn.text} for turn in trace.history),
                {"role": "user", "content": trace.question},
            ],
            "output": None if trace.answer is None else {"role": "assistant", "content": trace.answer},
            "metadata": {"millrace": trace_marks(trace, _MARKED)},
            "totalCost": trace.cost_usd,
            "latency": sum(timing.duration_ms for timing in trace.timings) / 1000,
            "observations": _observations(trace),
            "scores": [_score(score, number, trace) for number, score in enumerate(trace.scores)],
        }
    )


def _observations(trace: Trace) -> list[dict[str, Any]]:
    found = [_observation(trace, number, entry) for number, entry in enumerate(timeline(trace), start=1)]
    return [_retriever(trace), *found] if trace.contexts else found


def _retriever(trace: Trace) -> dict[str, Any]:
    return _step(trace, 0, "RETRIEVER", "contexts", trace.time, trace.time) | {
        "input": trace.question,
        "output": [context.model_dump(mode="json", exclude_none=True) for context in trace.contexts],
        "metadata": {"millrace": {"contexts": len(trace.contexts)}},
    }


def _observation(trace: Trace, number: int, entry: Entry) -> dict[str, Any]:
    kind = "SPAN" if entry.call is None else "GENERATION"
    attributes = {"attributes": [each.model_dump() for each in entry.attributes]} if entry.attributes else {}
    return (
        _step(trace, number, kind, entry.name, entry.start, entry.end)
        | {"metadata": {"millrace": entry.marks | attributes}}
        | (_generation(entry.call) if entry.call else {})
    )


def _step(trace: Trace, number: int, kind: str, name: str, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "id": otlp_span_id(trace.trace_id, number),
        "traceId": trace.trace_id,
        "type": kind,
        "name": name,
        "startTime": _iso(start),
        "endTime": _iso(end),
        "level": "DEFAULT",
    }


def _generation(call: ModelCall) -> dict[str, Any]:
    usage = {"input": call.input_tokens, "output": call.output_tokens}
    return {
        "model": call.model,
        "usageDetails": {name: count for name, count in usage.items() if count is not None},
        "costDetails": {} if call.cost_usd is None else {"total": call.cost_usd},
    }


def _score(score: Score, number: int, trace: Trace) -> dict[str, Any]:
    """Langfuse has numbers only in numeric scores, so one that was not computed is a category."""
    known = {
        "id": otlp_span_id(f"{trace.trace_id}/scores", number),
        "traceId": trace.trace_id,
        "name": score.name,
        "source": "API",
        "timestamp": _iso(trace.time),
        "value": score.value,
        "comment": score.reason,
        "dataType": "NUMERIC",
        "metadata": {"millrace": {"source": score.source, "reason": score.reason}},
    }
    return known if score.value is not None else known | {"dataType": "CATEGORICAL", "stringValue": "not computed"}


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
