"""Facts of the spans of one OpenTelemetry trace by the GenAI conventions.

Source: see ``millrace.methods.otlp``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from millrace.errors import BadInputError
from millrace.ingestion.chat_messages import parsed
from millrace.ingestion.otlp_content import CONTENT
from millrace.methods import otlp

_DOCUMENT_TEXTS = ("content", "text", "page_content")

Span = dict[str, Any]


def ending_of(root: Span, teller: Span, answer: str | None) -> dict[str, Any]:
    """``status`` and ``error``: an error of one call does not make a trace fail that was answered all the same."""
    failed = root if _is_error(root) else teller if answer is None and _is_error(teller) else None
    if failed is None:
        return {}
    exceptions = [event["attributes"] for event in failed["events"] if event["name"] == "exception"]
    raised = exceptions[0] if exceptions else {}
    told = (
        failed["status"].get("message"),
        raised.get("exception.message"),
        failed["attributes"].get(otlp.ERROR_TYPE),
        raised.get("exception.type"),
    )
    return {"status": "failed", "error": next((str(each) for each in told if each), "the span ended in an error")}


def _is_error(span: Span) -> bool:
    return span["status"].get("code") in (otlp.STATUS_ERROR, "STATUS_CODE_ERROR")


def tokens_of(root: Span, teller: Span, calls: list[Span], names: tuple[str, ...]) -> object:
    """What the root says of the whole trace, else the sum over the calls of models, else what the telling span says."""
    own = first_of([root], names)
    counts = [count for call in calls if isinstance(count := first_of([call], names), int)]
    return own if own is not None else sum(counts) if counts else first_of([teller], names)


def first_of(spans: Iterable[Span], names: tuple[str, ...]) -> Any:
    """What the first span that has one of the names has there, or its resource."""
    found = (
        facts[name]
        for span in spans
        for name in names
        for facts in (span["attributes"], span["resource"])
        if name in facts
    )
    return next(found, None)


def contexts_of(span: Span) -> Iterator[dict[str, Any]]:
    """The documents of a span that have a text; the convention asks only for id and score."""
    documents = parsed(span["attributes"].get(otlp.DOCUMENTS))
    for place, each in enumerate(documents if isinstance(documents, list) else ()):
        text = next((each[name] for name in _DOCUMENT_TEXTS if name in each), None) if isinstance(each, dict) else None
        if isinstance(text, str):
            context_id = f"{span['spanId']}/{place}" if each.get("id") is None else str(each["id"])
            known = {name: each[name] for name in ("title", "doc_id", "score") if each.get(name) is not None}
            yield {"context_id": context_id, "text": text} | known


def scores_of(spans: Iterable[Span]) -> Iterator[dict[str, Any]]:
    """The evaluations that were noted as events; one without a number has its label or explanation for a reason."""
    events = (event for span in spans for event in span["events"] if event["name"] == otlp.EVALUATION_EVENT)
    for facts in (event["attributes"] for event in events):
        value = facts.get(otlp.EVALUATION_VALUE)
        reason = facts.get(otlp.EVALUATION_EXPLANATION)
        if value is None and reason is None and f"{otlp.MARK_PREFIX}source" not in facts:
            reason = facts.get("gen_ai.evaluation.score.label") or "no value"
        source = facts.get(f"{otlp.MARK_PREFIX}source", "opentelemetry")
        yield {"name": facts.get(otlp.EVALUATION_NAME), "value": value, "reason": reason, "source": source}


def time_of(spans: list[Span]) -> object:
    """When the first span began; None when no span says.

    Raises:
        BadInputError: with a ``reason``, when no calendar holds it.
    """
    starts = [span["start"] for span in spans if span["start"] > 0]
    return _moment(min(starts)) if starts else None


def _moment(nanoseconds: int) -> object:
    try:
        return otlp.time_of(nanoseconds)
    except OverflowError as error:
        raise BadInputError("a time that no calendar holds", reason="out_of_range") from error


def timing_of(span: Span) -> dict[str, Any]:
    """A span's timing; raises as :func:`time_of`."""
    start = _moment(span["start"]) if span["start"] > 0 else None
    return {
        "name": span["name"],
        "start": start,
        "duration_ms": max(0, span["end"] - span["start"]) / 1e6 if start else 0.0,
    }


def shown_attributes(span: Span) -> list[dict[str, str]]:
    """The attributes of a foreign span, without the content that went into question, answer and passages."""
    hidden = CONTENT | ({otlp.DOCUMENTS} if any(contexts_of(span)) else set())
    shown = {name: value for name, value in span["attributes"].items() if not name.startswith(tuple(hidden))}
    if _is_error(span):
        shown |= {"otel.status_code": "ERROR", "otel.status_description": span["status"].get("message") or ""}
    return as_attributes(shown)


def as_attributes(named: Mapping[str, Any]) -> list[dict[str, str]]:
    """Attributes as texts; what is no text as JSON."""
    return [{"name": name, "value": _as_text(value)} for name, value in named.items()]


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
