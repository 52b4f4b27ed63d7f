"""The traces to look at first (A26)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.records.daily_report import WorstScore, WorstSpan, WorstTrace

MAX_QUESTION, MAX_ANSWER, MAX_CONTEXT, MAX_FACTS = 500, 1500, 500, 300  # characters of an excerpt
MAX_CONTEXTS, MAX_SPANS = 3, 20


@dataclass(frozen=True)
class BadTrace:
    """A trace that does badly: ``badness`` is the mean shortfall of its metrics from 1, in [0, 1]."""

    trace_id: str
    badness: float
    scores: tuple[WorstScore, ...]


def worst_traces(scores: pa.Table, n: int) -> list[BadTrace]:
    """The traces whose metrics fall furthest short of 1 on average, the worst first.

    Of traces that do equally badly the one with more values comes first, then the one with the smaller id. A trace
    without any value is not among them.

    Args:
        scores: columns trace_id, metric, status, value and reason of MetricScore; several tiers one after the other.
        n: most traces.

    Returns:
        With all scores of each, in the order of the table.
    """
    badness = _ranked(scores.filter(pc.is_valid(scores.column("value"))), n)
    rows = scores.filter(pc.is_in(scores.column("trace_id"), pa.array(list(badness), pa.string())))
    by_trace: dict[str, list[WorstScore]] = {trace_id: [] for trace_id in badness}
    for row in rows.select(["trace_id", "metric", "status", "value", "reason"]).to_pylist():
        by_trace[row.pop("trace_id")].append(WorstScore(**row))
    return [BadTrace(trace_id, badness[trace_id], tuple(found)) for trace_id, found in by_trace.items()]


def worst_records(worst: Sequence[BadTrace], traces: pa.Table) -> list[WorstTrace]:
    """Excerpts of the worst traces, in their order; texts are as they were stored, for reports to escape.

    Args:
        worst: from ``worst_traces``.
        traces: table of Trace with at least these, in any order; ``timings`` may be left out.

    Raises:
        BadInputError: one of them is not among the traces.
    """
    wanted = pa.array([each.trace_id for each in worst], pa.string())
    found = {row["trace_id"]: row for row in traces.filter(pc.is_in(traces.column("trace_id"), wanted)).to_pylist()}
    missing = [each.trace_id for each in worst if each.trace_id not in found]
    if missing:
        raise BadInputError(f"no traces of the window: {missing[:10]}", missing=missing)
    return [_record(each, found[each.trace_id]) for each in worst]


def _ranked(scores: pa.Table, n: int) -> dict[str, float]:
    """Badness of the n worst traces by id, the worst first; every score has a value."""
    if n < 1 or not scores.num_rows:
        return {}
    ids = scores.column("trace_id").combine_chunks().dictionary_encode()
    names, codes = ids.dictionary.to_pylist(), np.asarray(ids.indices, dtype=np.int64)
    values = np.asarray(scores.column("value"), dtype=np.float64)
    order = np.lexsort((values, codes))  # a sum depends on the order of its terms
    n_values = np.bincount(codes)
    badness = np.clip(np.bincount(codes[order], 1 - values[order]) / n_values, 0.0, 1.0)
    bound = np.partition(badness, -n)[-n] if n < len(badness) else 0.0
    worst = sorted(np.flatnonzero(badness >= bound), key=lambda code: (-badness[code], -n_values[code], names[code]))
    return {names[code]: float(badness[code]) for code in worst[:n]}


def _record(bad: BadTrace, row: Mapping[str, Any]) -> WorstTrace:
    answer, error = row["answer"], row["error"]
    return WorstTrace(
        trace_id=bad.trace_id,
        tenant_id=row["tenant_id"],
        status=row["status"],
        badness=bad.badness,
        question=_excerpt(row["question"], MAX_QUESTION),
        answer=None if answer is None else _excerpt(answer, MAX_ANSWER),
        error=None if error is None else _excerpt(error, MAX_FACTS),
        contexts=[_excerpt(context["text"], MAX_CONTEXT) for context in row["contexts"][:MAX_CONTEXTS]],
        scores=list(bad.scores),
        spans=_spans(row["spans"], row.get("timings") or []),
    )


def _spans(spans: Sequence[Mapping[str, Any]], timings: Sequence[Mapping[str, Any]]) -> list[WorstSpan]:
    """Each span with the first timing of its name that no span before it has taken."""
    waiting: dict[str, list[float]] = {}
    for timing in timings:
        waiting.setdefault(timing["name"], []).append(timing["duration_ms"])
    found = []
    for span in spans[:MAX_SPANS]:
        durations = waiting.get(span["name"])
        facts = ", ".join(f"{each['name']} {each['value']}" for each in span["attributes"])
        found.append(
            WorstSpan(
                name=span["name"],
                duration_ms=durations.pop(0) if durations else None,
                facts=_excerpt(facts, MAX_FACTS),
            )
        )
    return found


def _excerpt(text: str, max_chars: int) -> str:
    """The text, or its beginning with an ellipsis; at most ``max_chars``."""
    return text if len(text) <= max_chars else f"{text[: max_chars - 1]}…"
