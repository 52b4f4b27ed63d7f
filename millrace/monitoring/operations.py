"""The figures of a day that were measured while it ran: times, calls, tokens, costs."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.monitoring.figure_list import FigureList
from millrace.records.monitoring import DayFigure
from millrace.statistics.intervals import student_interval
from millrace.statistics.quantiles import quantile_interval

TRACE_COLUMNS = ["timings", "calls", "cost_usd", "input_tokens", "output_tokens"]
JUDGE_COLUMNS = ["n_calls", "cost_usd"]
_UNNAMED = "unnamed"


def operation_figures(day: str, traces: Iterable[pa.Table], judged: Iterable[pa.Table]) -> list[DayFigure]:
    """Times by stage, calls by model, tokens and costs.

    Args:
        traces: parts with ``TRACE_COLUMNS`` of Trace, measured ones included; one is held in memory at a time.
        judged: parts with ``JUDGE_COLUMNS`` of MetricScore.
    """
    figures, seen = FigureList(day), _Seen()
    for part in traces:
        seen.add(part)
    seconds = _joined(seen.seconds)
    figures.estimate("pipeline/latency_p50", quantile_interval(seconds, 0.5))
    figures.estimate("pipeline/latency_p95", quantile_interval(seconds, 0.95))
    for stage, values in sorted(seen.stages.items()):
        figures.estimate("pipeline/stage_p95", quantile_interval(_joined(values), 0.95), label=stage)
    for model, n_calls in sorted(seen.calls.items()):
        figures.number("llm/calls", n_calls, n_calls, label=model)
    n_calls = sum(seen.calls.values())
    figures.number("llm/retries", seen.n_retries, n_calls)
    figures.number("llm/input_tokens", seen.tokens["input_tokens"], seen.n_with["input_tokens"])
    figures.number("llm/output_tokens", seen.tokens["output_tokens"], seen.n_with["output_tokens"])
    costs = _joined(seen.costs)
    figures.number("llm/cost", float(np.sum(np.sort(costs))) if len(costs) else None, len(costs))
    figures.estimate("llm/cost_per_answer", student_interval(costs, lowest=0.0))
    figures.share("llm/unpriced_share", seen.n_unpriced, n_calls)
    _add_judging(figures, judged)
    return figures.rows


class _Seen:
    """What the parts read so far add up to."""

    def __init__(self) -> None:
        self.seconds: list[np.ndarray] = []
        self.stages: dict[str, list[np.ndarray]] = {}
        self.calls: dict[str, int] = {}
        self.tokens: dict[str, float | None] = {"input_tokens": None, "output_tokens": None}
        self.n_with = {"input_tokens": 0, "output_tokens": 0}
        self.costs: list[np.ndarray] = []
        self.n_retries = self.n_unpriced = 0

    def add(self, part: pa.Table) -> None:
        self._add_times(part.column("timings").combine_chunks())
        self._add_calls(part.column("calls").combine_chunks().flatten())
        for name in self.tokens:
            column = part.column(name).drop_null()
            if len(column):
                self.tokens[name] = (self.tokens[name] or 0) + pc.sum(column).as_py()
                self.n_with[name] += len(column)
        self.costs.append(_floats(part.column("cost_usd").drop_null()))

    def _add_times(self, timings: pa.ListArray) -> None:
        spans = timings.flatten()
        times = pa.table(
            {
                "trace": pc.list_parent_indices(timings),
                "stage": pc.struct_field(spans, "name"),
                "seconds": pc.divide(pc.struct_field(spans, "duration_ms"), 1000.0),
            }
        )
        whole = times.group_by("trace", use_threads=False).aggregate([("seconds", "sum")])
        self.seconds.append(_floats(whole.column("seconds_sum")))
        for stage in pc.unique(times.column("stage")).to_pylist():
            own = times.filter(pc.equal(times.column("stage"), stage)).column("seconds")
            self.stages.setdefault(stage, []).append(_floats(own))

    def _add_calls(self, calls: pa.StructArray) -> None:
        for row in pc.value_counts(pc.struct_field(calls, "model")).to_pylist():
            model = row["values"] or _UNNAMED
            self.calls[model] = self.calls.get(model, 0) + row["counts"]
        self.n_retries += (pc.sum(pc.struct_field(calls, "tries")).as_py() or 0) - len(calls)
        self.n_unpriced += pc.struct_field(calls, "cost_usd").null_count


def _add_judging(figures: FigureList, judged: Iterable[pa.Table]) -> None:
    n_calls, costs = 0, []
    for part in judged:
        n_calls += pc.sum(part.column("n_calls")).as_py() or 0
        costs.append(_floats(part.column("cost_usd").drop_null()))
    paid = _joined(costs)
    figures.number("evaluation/judge_calls", n_calls, n_calls)
    figures.number("evaluation/judge_cost", float(np.sum(np.sort(paid))) if len(paid) else None, len(paid))


def _floats(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    return np.asarray(
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy(), dtype=np.float64
    )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0)
