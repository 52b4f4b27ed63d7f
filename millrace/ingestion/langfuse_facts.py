"""Facts of the observations of one trace as Langfuse exports it.

Source: see ``millrace.ingestion.langfuse``.
"""

from datetime import UTC, datetime
from typing import Any

from millrace.errors import BadInputError

_HIDDEN = frozenset(
    {"id", "name", "input", "output", "metadata", "startTime", "endTime", "traceId", "projectId", "parentObservationId"}
)

Observation = dict[str, Any]


def ending_of(observations: list[Observation], answer: str | None) -> dict[str, Any]:
    """``status`` and ``error``: an error of one step does not make a trace fail that was answered all the same."""
    failed = [each for each in observations if each.get("level") == "ERROR"]
    if answer is not None or not failed:
        return {}
    return {"status": "failed", "error": str(failed[-1].get("statusMessage") or "an observation ended in an error")}


def total_tokens(generations: list[Observation], side: str) -> int | None:
    """The sum over the generations that count tokens; ``side`` is input or output."""
    counts = [usage[side] for usage in map(_usage, generations) if isinstance(usage.get(side), int)]
    return sum(counts) if counts else None


def _usage(observation: Observation) -> dict[str, Any]:
    """``usageDetails`` is today's, ``usage`` the older."""
    found = (observation.get("usageDetails"), observation.get("usage"))
    return next((usage for usage in found if isinstance(usage, dict) and usage), {})


def cost_of(trace: dict[str, Any], observations: list[Observation]) -> object:
    """What the trace says, else the sum over its observations, in USD."""
    if trace.get("totalCost") is not None:
        return trace["totalCost"]
    details = [each["costDetails"] for each in observations if isinstance(each.get("costDetails"), dict)]
    costs = [cost["total"] for cost in details if isinstance(cost.get("total"), int | float)]
    return sum(costs) if costs else None


def timing_of(observation: Observation) -> dict[str, Any]:
    """A span's timing; an observation without an end took no time that is known."""
    start, end = time_of(observation.get("startTime")), time_of(observation.get("endTime"))
    duration_ms = max(0.0, (end - start).total_seconds() * 1000) if start and end else 0.0
    return {"name": name_of(observation), "start": start, "duration_ms": duration_ms}


def shown_attributes(observation: Observation) -> list[dict[str, str]]:
    """Plain facts of a foreign observation, without what went in and out: that is content."""
    facts = {name: value for name, value in observation.items() if name not in _HIDDEN and value is not None}
    facts |= {f"usage.{name}": count for name, count in _usage(observation).items()}
    plain = {name: value for name, value in facts.items() if isinstance(value, str | int | float)}
    return [{"name": name, "value": str(value)} for name, value in plain.items()]


def name_of(observation: Observation) -> str:
    """The name, else the type."""
    return str(observation.get("name") or observation.get("type") or "unknown")


def time_of(value: object) -> datetime | None:
    """A time; without a zone it is UTC, as the export's reference says.

    Raises:
        BadInputError: with a ``reason``, when it is none.
    """
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise BadInputError("a time that is not in ISO 8601", reason="wrong_type") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
