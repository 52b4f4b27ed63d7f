"""From a trace as Langfuse exports it to the fields of a Trace (A13).

Read are traces with their observations and scores, as the API gives them (``GET /api/public/traces/{id}``, or lists of
these) and as the download in its UI does (``{"trace": ..., "observations": [...]}``); without observations they are
read too. Names may be in snake_case, as in exports to blob storage. A trace that Millrace exported comes back as it
was, by what stands under ``millrace`` in its metadata.

Sources:
    The API's types Trace, TraceWithFullDetails, ObservationsView and Score (langfuse/langfuse,
    fern/apis/server/definition/commons.yml);
    langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields;
    langfuse.com/docs/api-and-data-platform/features/export-from-ui.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from millrace.ingestion.chat_messages import each_once, parsed
from millrace.ingestion.langfuse_content import answer_in, asked_in, passages_in
from millrace.ingestion.langfuse_facts import (
    cost_of,
    ending_of,
    name_of,
    shown_attributes,
    time_of,
    timing_of,
    total_tokens,
)
from millrace.methods.trace_forms import restored

LISTS = ("data", "traces")
MARKS = "millrace"

_SNAKE = re.compile(r"_([a-z])")
_ANNOTATION = "ANNOTATION"


def langfuse_row(row: dict[str, Any]) -> dict[str, Any]:
    """The trace with its observations by start and its scores, all names in camelCase, texts that hold JSON parsed.

    This is what the paths of a mapping of this form lead into.
    """
    inner = row.get("trace")
    beside = {name: row[name] for name in ("observations", "scores") if name in row}
    trace = _camel(inner | beside if isinstance(inner, dict) else row)
    found = [_camel(each) for each in _records(trace.get("observations"))]
    return trace | {
        "input": parsed(trace.get("input")),
        "output": parsed(trace.get("output")),
        "metadata": parsed(trace.get("metadata")),
        "observations": sorted(found, key=lambda each: str(each.get("startTime") or "")),
        "scores": [_camel(each) for each in _records(trace.get("scores"))],
    }


def langfuse_values(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Trace that a row of :func:`langfuse_row` gives.

    Raises:
        BadInputError: with a ``reason``: a time is none.
    """
    marks = _marks(row)
    values = _restored(row, marks) if marks else _mapped(row)
    return {name: value for name, value in values.items() if value is not None}


def langfuse_ratings(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``dimension``, ``annotator`` and ``value`` of the scores by people; those without a number are left out."""
    for score in row["scores"]:
        if score.get("source") == _ANNOTATION and isinstance(score.get("value"), int | float):
            yield {
                "dimension": score.get("name"),
                "annotator": score.get("authorUserId") or "unknown",
                "value": score["value"],
            }


def _mapped(row: dict[str, Any]) -> dict[str, Any]:
    observations = row["observations"]
    generations = [each for each in observations if each.get("type") == "GENERATION"]
    asked = _first([row, *reversed(generations)], asked_in)
    answer = _first([row, *reversed(generations)], answer_in)
    retrievers = [each for each in observations if each.get("type") == "RETRIEVER"]
    return (
        _shared(row)
        | (asked or {})
        | ending_of(observations, answer)
        | {
            "answer": answer,
            "contexts": each_once(context for each in retrievers for context in passages_in(each)),
            "answered_by": next((each["model"] for each in reversed(generations) if each.get("model")), None),
            "input_tokens": total_tokens(generations, "input"),
            "output_tokens": total_tokens(generations, "output"),
            "scores": [_score(score) for score in row["scores"] if score.get("source") != _ANNOTATION],
            "spans": [{"name": name_of(each), "attributes": shown_attributes(each)} for each in observations],
            "timings": [timing_of(each) for each in observations],
            "cost_usd": cost_of(row, observations),
        }
    )


def _shared(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": row.get("id"),
        "time": time_of(row.get("timestamp")),
        "user_id": row.get("userId"),
        "session_id": row.get("sessionId"),
        "feature_flags": row.get("tags"),
        "pipeline_version": row.get("release") or row.get("version"),
    }


def _restored(row: dict[str, Any], marks: dict[str, Any]) -> dict[str, Any]:
    own = [(each, _marks(each)) for each in row["observations"]]
    steps = [(name_of(each), found.get("attributes", []), found) for each, found in own]
    return (
        _shared(row)
        | (asked_in(row) or {})
        | {
            "answer": answer_in(row),
            "contexts": next((parsed(each.get("output")) for each, found in own if "contexts" in found), None),
            "scores": [_score(score) for score in row["scores"]],
            "pipeline_version": row.get("release"),
            "cost_usd": row.get("totalCost"),
        }
        | restored(steps)
        | marks
    )


def _score(score: dict[str, Any]) -> dict[str, Any]:
    """A score by category has no number, and its comment or category for a reason."""
    marks = _marks(score)
    if marks:
        return {"name": score.get("name"), "value": score.get("value")} | marks
    value = score.get("value")
    number = value if isinstance(value, int | float) else None
    told = score.get("comment") or score.get("stringValue") or value
    return {
        "name": score.get("name"),
        "value": number,
        "reason": str(told or "no value") if number is None else score.get("comment"),
        "source": str(score.get("source") or "langfuse"),
    }


def _marks(record: dict[str, Any]) -> dict[str, Any]:
    metadata = parsed(record.get("metadata"))
    marks = metadata.get(MARKS) if isinstance(metadata, dict) else None
    return marks if isinstance(marks, dict) else {}


def _records(value: object) -> list[dict[str, Any]]:
    """Lists of ids, as the API's list of traces has them, say nothing."""
    found = parsed(value)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _camel(record: dict[str, Any]) -> dict[str, Any]:
    return {_SNAKE.sub(lambda found: found[1].upper(), name): value for name, value in record.items()}


def _first(records: Iterable[dict[str, Any]], read: Any) -> Any:
    return next((found for record in records if (found := read(record)) is not None), None)
