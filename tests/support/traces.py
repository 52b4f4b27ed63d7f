"""Traces of any content that redaction leaves alone, for what must come back as it went out."""

from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import strategies as st

from millrace.records.trace import Trace, TraceStatus

# No digits, at signs or colons: nothing that looks like personal data.
CLEAN = st.text(st.characters(exclude_categories=["Cs", "Nd"], exclude_characters="@:"), max_size=20)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Nd"], exclude_characters="@:"), min_size=1, max_size=10)
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2600, 1, 1), timezones=st.just(UTC))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SIZES = st.integers(0, 2**63 - 1)
DURATIONS = st.floats(0, 1e18)
KNOWN_NAMES = st.sampled_from(["retrieval", "generation", "millrace.span", "gen_ai.operation.name"])
JSON_TEXTS = st.sampled_from(["", "{}", '[{"role": "user", "content": "x"}]', '"', "null", "[EMAIL]"])
TEXTS = CLEAN | JSON_TEXTS


def _optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def _records(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    return st.lists(st.fixed_dictionaries(required, optional=optional or {}), max_size=3)


_ATTRIBUTES = _records({"name": NAMES | KNOWN_NAMES, "value": TEXTS})

_REQUIRED: dict[str, Any] = {
    "trace_id": NAMES | st.just("5b8efff798038103d269b633813fc60c"),
    "time": TIMES,
    "tenant_id": NAMES,
    "question": TEXTS,
}
_OPTIONAL: dict[str, Any] = {
    "user_id": _optional(TEXTS),
    "session_id": _optional(TEXTS),
    "history": _records({"speaker": st.sampled_from(["user", "assistant", "system"]), "text": TEXTS}),
    "contexts": _records(
        {"context_id": NAMES, "text": TEXTS},
        {"doc_id": _optional(TEXTS), "title": _optional(TEXTS), "score": _optional(NUMBERS)},
    ),
    "answer": _optional(TEXTS),
    "citations": _records({"start": SIZES, "end": SIZES, "context_id": NAMES}),
    "status": st.sampled_from(get_args(TraceStatus)),
    "error": _optional(TEXTS),
    "answered_by": TEXTS,
    "config_hash": _optional(TEXTS),
    "feature_flags": st.lists(TEXTS, max_size=2),
    "route": _optional(NAMES),
    "output": _optional(TEXTS),
    "spans": _records({"name": NAMES | KNOWN_NAMES}, {"attributes": _ATTRIBUTES}),
    "scores": _records({"name": NAMES, "value": _optional(NUMBERS), "source": TEXTS}, {"reason": _optional(TEXTS)}),
    "redactions": _records({"pii_type": NAMES, "n_items": st.integers(1, 2**63 - 1)}),
    "input_tokens": _optional(SIZES),
    "output_tokens": _optional(SIZES),
    "pipeline_version": _optional(TEXTS),
    "timings": _records(
        {"name": NAMES | KNOWN_NAMES, "duration_ms": DURATIONS},
        {"start": _optional(TIMES), "characters_in": _optional(SIZES), "characters_out": _optional(SIZES)},
    ),
    "calls": _records(
        {"purpose": NAMES, "model": TEXTS, "tries": st.integers(1, 9), "duration_ms": DURATIONS},
        {
            "retried_for": st.lists(TEXTS, max_size=2),
            "input_tokens": _optional(SIZES),
            "output_tokens": _optional(SIZES),
            "cost_usd": _optional(st.floats(0, 1e6)),
            "cost_reason": _optional(TEXTS),
            "remembered": st.booleans(),
        },
    ),
    "cost_usd": _optional(st.floats(0, 1e6)),
}

FIELDS = _REQUIRED.keys() | _OPTIONAL.keys()
TRACES: st.SearchStrategy[Trace] = st.fixed_dictionaries(_REQUIRED, optional=_OPTIONAL).map(Trace.model_validate)

_NAMES_IN_ROWS = st.sampled_from(
    [
        *(
            "id",
            "role",
            "type",
            "name",
            "text",
            "content",
            "parts",
            "message",
            "messages",
            "documents",
            "args",
            "kwargs",
        ),
        *("question", "millrace", "span", "timing", "call", "contexts", "metadata", "score", "value", "key", "code"),
        *("stringValue", "values"),
    ]
)

# Any JSON, made of the names that readers of other tools' forms look for.
ODD_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["user", "RETRIEVER", "[1]", "{}", "\ud800", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES_IN_ROWS, inner, max_size=4),
    max_leaves=12,
)
