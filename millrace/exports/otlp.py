"""Writes traces as OpenTelemetry spans in OTLP/JSON, one trace a line (A13).

A trace becomes a root span with question, answer, passages and tokens under the names of the GenAI conventions, and one
child span for each span, for each timing without a span, and for each model call. What OpenTelemetry has no name for is
an attribute under ``millrace.``. ``millrace import traces --mapping otlp`` restores the trace from it exactly.

Source: see ``millrace.methods.otlp``; the file is that of the OTLP file exporter
(opentelemetry.io/docs/specs/otel/protocol/file-exporter).
"""

from datetime import datetime
from typing import Any

from millrace.datasets.canonical import canonical_json
from millrace.methods import otlp
from millrace.methods.trace_forms import Entry, Marks, timeline, trace_marks
from millrace.records.trace import Attribute, RetrievedContext, Score, Trace

_MARKED = (
    "trace_id", "time", "tenant_id", "citations", "status", "error", "config_hash", "feature_flags", "route", "output",
    "redactions", "cost_usd",
)  # fmt: skip
_INTERNAL, _CLIENT = 1, 3  # span kinds


def otlp_line(trace: Trace) -> bytes:
    """The trace as one ``TracesData`` document, without a line break."""
    entries = timeline(trace)
    children = [_child(trace, number, entry) for number, entry in enumerate(entries, start=1)]
    spans = [_root(trace, max([trace.time, *(entry.end for entry in entries)])), *children]
    resource = {"service.name": "millrace", otlp.SERVICE_VERSION: trace.pipeline_version}
    return canonical_json(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": otlp.attributes_of(resource)},
                    "scopeSpans": [{"scope": {"name": "millrace"}, "spans": spans}],
                }
            ]
        }
    )


def _root(trace: Trace, end: datetime) -> dict[str, Any]:
    span = {
        "traceId": otlp.otlp_trace_id(trace.trace_id),
        "spanId": otlp.otlp_span_id(trace.trace_id, 0),
        "name": "invoke_workflow millrace",
        "kind": _INTERNAL,
        "startTimeUnixNano": otlp.nanoseconds(trace.time),
        "endTimeUnixNano": otlp.nanoseconds(end),
        "attributes": otlp.attributes_of(_facts(trace) | _prefixed(trace_marks(trace, _MARKED))),
        "events": [_evaluation(score, trace) for score in trace.scores],
    }
    return span | _status(trace)


def _facts(trace: Trace) -> dict[str, Any]:
    asked = [{"role": turn.speaker, "parts": _text(turn.text)} for turn in trace.history]
    asked.append({"role": "user", "parts": _text(trace.question)})
    answered = [{"role": "assistant", "parts": _text(trace.answer or ""), "finish_reason": "stop"}]
    return {
        otlp.OPERATION: "invoke_workflow",
        otlp.RESPONSE_MODEL: trace.answered_by,
        otlp.INPUT_MESSAGES: asked,
        otlp.OUTPUT_MESSAGES: None if trace.answer is None else answered,
        otlp.DOCUMENTS: [_document(context) for context in trace.contexts] or None,
        otlp.INPUT_TOKENS: trace.input_tokens,
        otlp.OUTPUT_TOKENS: trace.output_tokens,
        otlp.USER: trace.user_id,
        otlp.CONVERSATION: trace.session_id,
        otlp.ERROR_TYPE: otlp.OTHER_ERROR if trace.status == "failed" else None,
    }


def _text(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "content": text}]


def _document(context: RetrievedContext) -> dict[str, Any]:
    """``id`` and ``score`` are the convention's; a document may have more."""
    known = {
        "id": context.context_id,
        "content": context.text,
        "title": context.title,
        "doc_id": context.doc_id,
        "score": context.score,
    }
    return {name: value for name, value in known.items() if value is not None}


def _evaluation(score: Score, trace: Trace) -> dict[str, Any]:
    facts = {
        otlp.EVALUATION_NAME: score.name,
        otlp.EVALUATION_VALUE: score.value,
        otlp.EVALUATION_EXPLANATION: score.reason,
        f"{otlp.MARK_PREFIX}source": score.source,
    }
    return {
        "name": otlp.EVALUATION_EVENT,
        "timeUnixNano": otlp.nanoseconds(trace.time),
        "attributes": otlp.attributes_of(facts),
    }


def _status(trace: Trace) -> dict[str, Any]:
    if trace.status != "failed":
        return {}
    return {"status": {"code": otlp.STATUS_ERROR} | ({"message": trace.error} if trace.error else {})}


def _child(trace: Trace, number: int, entry: Entry) -> dict[str, Any]:
    return {
        "traceId": otlp.otlp_trace_id(trace.trace_id),
        "spanId": otlp.otlp_span_id(trace.trace_id, number),
        "parentSpanId": otlp.otlp_span_id(trace.trace_id, 0),
        "name": entry.name,
        "kind": _CLIENT if entry.call else _INTERNAL,
        "startTimeUnixNano": otlp.nanoseconds(entry.start),
        "endTimeUnixNano": otlp.nanoseconds(entry.end),
        "attributes": otlp.attributes_of(_own(entry.attributes) | _call(entry) | _prefixed(entry.marks)),
    }


def _own(attributes: tuple[Attribute, ...]) -> dict[str, Any]:
    """The span's attributes; as one JSON text when OTLP could not hold them: a name repeated, or one of ours."""
    named = {each.name: each.value for each in attributes}
    if len(named) < len(attributes) or any(name.startswith(otlp.MARK_PREFIX) for name in named):
        return {f"{otlp.MARK_PREFIX}attributes": [each.model_dump() for each in attributes]}
    return named


def _call(entry: Entry) -> dict[str, Any]:
    if entry.call is None:
        return {}
    return {
        otlp.OPERATION: "chat",
        otlp.REQUEST_MODEL: entry.call.model,
        otlp.INPUT_TOKENS: entry.call.input_tokens,
        otlp.OUTPUT_TOKENS: entry.call.output_tokens,
    }


def _prefixed(marks: Marks) -> dict[str, Any]:
    return {f"{otlp.MARK_PREFIX}{name}": value for name, value in marks.items()}
