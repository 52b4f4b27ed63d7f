"""From the spans of one OpenTelemetry trace to the fields of a Trace (A13).

Question and history come from the root span when it has them, else from the last span of a model call that has; the
answer from the same span. Passages are the documents of that span, or of all spans, each id once. A trace that Millrace
exported comes back as it was, by its marks.

Source: see ``millrace.methods.otlp``.
"""

from collections.abc import Mapping
from typing import Any

from millrace.ingestion.chat_messages import each_once, parsed, question_of
from millrace.ingestion.otlp_content import answer_of, asked_in
from millrace.ingestion.otlp_facts import (
    Span,
    as_attributes,
    contexts_of,
    ending_of,
    first_of,
    scores_of,
    shown_attributes,
    time_of,
    timing_of,
    tokens_of,
)
from millrace.methods import otlp
from millrace.methods.trace_forms import Marks, restored

_INFERENCE = ("chat", "generate_content", "text_completion")
_LISTS = ("citations", "feature_flags", "redactions", "retried_for", "attributes")
_CONVERSATIONS = (otlp.CONVERSATION, "session.id")
_USERS = (otlp.USER, "enduser.id")
_MODELS = (otlp.RESPONSE_MODEL, otlp.REQUEST_MODEL)
_TOKENS = {
    "input_tokens": (otlp.INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    "output_tokens": (otlp.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
}


def otlp_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its spans by start, and the root, or the first without a parent here, under ``root``.

    This is what the paths of a mapping of this form lead into.
    """
    spans = sorted(row["spans"], key=lambda span: span["start"])
    ids = {span["spanId"] for span in spans}
    root = next((span for span in spans if span["parentSpanId"] not in ids), spans[0])
    return row | {"spans": spans, "root": root}


def otlp_values(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Trace that a row of :func:`otlp_row` gives.

    Raises:
        BadInputError: with a ``reason``: a time that no calendar holds, or a mark that Millrace does not write so.
    """
    marks = _marks(row["root"]["attributes"])
    values = _restored(row, marks) if "trace_id" in marks else _mapped(row)
    return {name: value for name, value in values.items() if value is not None}


def _restored(row: dict[str, Any], marks: Marks) -> dict[str, Any]:
    root, attributes = row["root"], row["root"]["attributes"]
    children = [span for span in row["spans"] if span is not root]
    return (
        _said(root)
        | {
            "contexts": list(contexts_of(root)),
            "answered_by": attributes.get(otlp.RESPONSE_MODEL),
            "user_id": attributes.get(otlp.USER),
            "session_id": attributes.get(otlp.CONVERSATION),
            "input_tokens": attributes.get(otlp.INPUT_TOKENS),
            "output_tokens": attributes.get(otlp.OUTPUT_TOKENS),
            "pipeline_version": root["resource"].get(otlp.SERVICE_VERSION),
            "scores": list(scores_of([root])),
        }
        | restored((span["name"], _own(span["attributes"]), _marks(span["attributes"])) for span in children)
        | marks
    )


def _mapped(row: dict[str, Any]) -> dict[str, Any]:
    spans, root = row["spans"], row["root"]
    calls = [span for span in spans if span["attributes"].get(otlp.OPERATION) in _INFERENCE]
    teller = next((span for span in [root, *reversed(calls), *reversed(spans)] if question_of(asked_in(span))), root)
    near = [teller, root, *reversed(calls), *spans]
    said = _said(teller)
    if said["answer"] is None and calls:
        said["answer"] = answer_of(calls[-1])
    return (
        said
        | ending_of(root, teller, said["answer"])
        | {
            "trace_id": row["traceId"],
            "time": time_of(spans),
            "user_id": first_of(near, _USERS),
            "session_id": first_of(near, _CONVERSATIONS),
            "answered_by": first_of([teller, *reversed(calls)], _MODELS),
            "contexts": _passages(teller, spans),
            "scores": list(scores_of(spans)),
            "pipeline_version": root["resource"].get(otlp.SERVICE_VERSION),
            "spans": [{"name": span["name"], "attributes": shown_attributes(span)} for span in spans],
            "timings": [timing_of(span) for span in spans],
        }
        | {field: tokens_of(root, teller, calls, names) for field, names in _TOKENS.items()}
    )


def _passages(teller: Span, spans: list[Span]) -> list[dict[str, Any]]:
    return list(contexts_of(teller)) or each_once(context for span in spans for context in contexts_of(span))


def _said(span: Span) -> dict[str, Any]:
    return (question_of(asked_in(span)) or {}) | {"answer": answer_of(span)}


def _own(attributes: Mapping[str, Any]) -> list[dict[str, str]]:
    """The attributes of a span that Millrace exported."""
    kept = parsed(attributes.get(f"{otlp.MARK_PREFIX}attributes"))
    if isinstance(kept, list):
        return kept
    return as_attributes({name: value for name, value in attributes.items() if not name.startswith(otlp.MARK_PREFIX)})


def _marks(attributes: Mapping[str, Any]) -> Marks:
    marks = {
        name.removeprefix(otlp.MARK_PREFIX): value
        for name, value in attributes.items()
        if name.startswith(otlp.MARK_PREFIX)
    }
    return {name: parsed(value) if name in _LISTS else value for name, value in marks.items()}
