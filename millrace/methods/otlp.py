"""OpenTelemetry traces in OTLP/JSON: attribute names, values, ids and times, as readers and writers share them.

Sources:
    OTLP, JSON Protobuf encoding (opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): names in lowerCamelCase,
    ids in hexadecimal, 64-bit integers as decimal strings, enums as numbers. Semantic conventions for generative AI,
    spans and events (open-telemetry/semantic-conventions, docs/gen-ai, since moved to
    open-telemetry/semantic-conventions-genai): ``gen_ai.*``; general ones: ``user.id``, ``error.type``.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.datasets.canonical import canonical_json

OPERATION = "gen_ai.operation.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
CONVERSATION = "gen_ai.conversation.id"
DOCUMENTS = "gen_ai.retrieval.documents"
EVALUATION_EVENT = "gen_ai.evaluation.result"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_VALUE = "gen_ai.evaluation.score.value"
EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"
USER = "user.id"
ERROR_TYPE = "error.type"
OTHER_ERROR = "_OTHER"  # the convention's value for an error of no known class
SERVICE_VERSION = "service.version"
STATUS_ERROR = 2
MARK_PREFIX = "millrace."

_HEX_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS = 2**64 - 1


def otlp_trace_id(trace_id: str) -> str:
    """32 hex digits: the id itself when it is such, else the beginning of its sha256."""
    return trace_id if _HEX_TRACE_ID.fullmatch(trace_id) else hashlib.sha256(trace_id.encode()).hexdigest()[:32]


def otlp_span_id(trace_id: str, number: int) -> str:
    """16 hex digits for the trace's span of this number; 0 is the root."""
    return hashlib.sha256(canonical_json([trace_id, number])).hexdigest()[:16]


def nanoseconds(time: datetime) -> str:
    """Nanoseconds since 1970; times before that or after July 2554 become the nearest that OTLP can hold."""
    since = (time - _EPOCH) // timedelta(microseconds=1) * 1000
    return str(min(max(since, 0), _LATEST_NS))


def time_of(nanoseconds_since_1970: int) -> datetime:
    """The time to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds_since_1970 // 1000)


def attributes_of(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A list of OTLP key-values; None is left out, lists and mappings become JSON texts, which every tool can hold."""
    return [{"key": name, "value": _any_value(value)} for name, value in values.items() if value is not None]


def _any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else canonical_json(value).decode()}


def plain_attributes(attributes: Iterable[Any]) -> dict[str, Any]:
    """Names and plain values of OTLP key-values; of a repeated name the last counts.

    Raises:
        ValueError, TypeError, AttributeError or KeyError: not what OTLP writes.
    """
    return {str(each["key"]): plain_value(each.get("value") or {}) for each in attributes}


def plain_value(value: Mapping[str, Any]) -> Any:
    """The plain value of an OTLP ``AnyValue``; bytes stay base64. Raises as :func:`plain_attributes`."""
    if "intValue" in value:
        return int(value["intValue"])
    if "doubleValue" in value:
        return float(value["doubleValue"])
    if "arrayValue" in value:
        return [plain_value(each) for each in value["arrayValue"].get("values") or ()]
    if "kvlistValue" in value:
        return plain_attributes(value["kvlistValue"].get("values") or ())
    return next((value[name] for name in ("stringValue", "boolValue", "bytesValue") if name in value), None)
