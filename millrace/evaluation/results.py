"""What a metric says of traces, and as rows: a value, or the reason why there is none."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.evaluation.metrics import METRICS
from millrace.records.evaluation import MetricScore

Result = float | str  # a value in [0, 1], or a reason: a word of ours
Results = Sequence[Result]
ValueT = TypeVar("ValueT")

NOT_SCORED = "no_score"  # nobody has measured it, so that its row is 'skipped' and not 'undefined'


class MetricResults(NamedTuple):
    """One metric of some traces: results, sources (one for all, or one a trace) and messages, in their order."""

    results: Results
    source: str | Sequence[str]
    messages: Sequence[str | None] | None = None


def score_rows(trace_ids: Sequence[str], keys: Sequence[str], measured: Mapping[str, MetricResults]) -> pa.Table:
    """Table of MetricScore: one row per trace and metric, traces as given, for each its metrics as given.

    Args:
        trace_ids, keys: of the traces, length n_traces.
        measured: by metric of the registry, each of length n_traces. Nothing is paid for these metrics.
    """
    n_traces, n_metrics = len(trace_ids), len(measured)
    results = _woven([each.results for each in measured.values()])
    columns = {
        "trace_id": [trace_id for trace_id in trace_ids for _ in range(n_metrics)],
        "question_key": [key for key in keys for _ in range(n_metrics)],
        "metric": list(measured) * n_traces,
        "tier": [METRICS[name].tier for name in measured] * n_traces,
        "status": [_status(result) for result in results],
        "value": [None if isinstance(result, str) else result for result in results],
        "reason": [result if isinstance(result, str) else None for result in results],
        "message": _woven([each.messages or [None] * n_traces for each in measured.values()]),
        "source": _woven(
            [[each.source] * n_traces if isinstance(each.source, str) else each.source for each in measured.values()]
        ),
        "n_calls": [0] * len(results),
    }
    schema = arrow_schema(MetricScore)
    nothing = [None] * len(results)
    return pa.table({name: columns.get(name, nothing) for name in schema.names}, schema=schema)


def filled(reasons: Sequence[str | None], measured: Results) -> list[Result]:
    """The reasons, and in the places of None what was measured, in order."""
    values = iter(measured)
    return [next(values) if reason is None else reason for reason in reasons]


def _status(result: Result) -> str:
    if not isinstance(result, str):
        return "scored"
    return "skipped" if result == NOT_SCORED else "undefined"


def _woven(columns: Sequence[Sequence[ValueT]]) -> list[ValueT]:
    """The first of each column, then the second of each."""
    return [value for row in zip(*columns, strict=True) for value in row]
