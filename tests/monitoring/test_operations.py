"""Times, calls and costs of a day."""

from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import arrow_schema
from millrace.monitoring.operations import JUDGE_COLUMNS, TRACE_COLUMNS, operation_figures
from millrace.records.evaluation import MetricScore
from millrace.records.monitoring import DayFigure
from millrace.records.trace import ModelCall, SpanTiming, Trace, utc

JUDGED = arrow_schema(MetricScore).empty_table().select(JUDGE_COLUMNS)


def trace(number: int, *, ms: tuple[float, float] | None = None, calls: int = 0, **fields: Any) -> Trace:
    names = ("retrieval", "generation")
    timings = [SpanTiming(name=name, duration_ms=each) for name, each in zip(names, ms or (), strict=False)]
    called = [
        ModelCall(purpose="answer", model="big", tries=2, duration_ms=5, cost_usd=None if each else 0.5)
        for each in range(calls)
    ]
    known = {"trace_id": f"t{number}", "time": utc(2026, 11, 20), "tenant_id": "mill", "question": "Why?"}
    return Trace(**known, timings=timings, calls=called, **fields)


def figures_of(*parts: list[Trace], judged: pa.Table = JUDGED) -> dict[tuple[str, str | None], DayFigure]:
    tables = [
        pa.Table.from_pylist([each.model_dump() for each in part], arrow_schema(Trace)).select(TRACE_COLUMNS)
        for part in parts
    ]
    return {(each.name, each.label): each for each in operation_figures("2026-11-20", tables, [judged])}


def test_the_time_of_a_trace_is_that_of_all_its_stages() -> None:
    found = figures_of([trace(1, ms=(100, 300)), trace(2)], [trace(3, ms=(200, 700))])
    assert found["pipeline/latency_p50", None].value == pytest.approx(0.65)
    assert found["pipeline/latency_p50", None].n == 2  # a trace without timings has no time
    assert found["pipeline/stage_p95", "retrieval"].value == 0.195


def test_calls_are_counted_by_model_and_tries_beyond_the_first_are_retries() -> None:
    found = figures_of([trace(1, calls=3)], [trace(2, calls=1)])
    assert (found["llm/calls", "big"].value, found["llm/retries", None].value) == (4, 4)
    assert found["llm/unpriced_share", None].value == 0.5


def test_costs_and_tokens_that_nobody_knows_are_not_zero() -> None:
    found = figures_of([trace(1)])
    for name in ("llm/cost", "llm/cost_per_answer", "llm/input_tokens", "evaluation/judge_cost"):
        assert (found[name, None].value, found[name, None].reason) == (None, "no_items")
    assert found["evaluation/judge_calls", None].value == 0


def test_costs_add_up_over_parts_in_any_order() -> None:
    first = figures_of([trace(1, cost_usd=0.1), trace(2)], [trace(3, cost_usd=0.2, input_tokens=7)])
    second = figures_of([trace(3, cost_usd=0.2, input_tokens=7)], [trace(1, cost_usd=0.1), trace(2)])
    assert first == second
    assert first["llm/cost", None].value == 0.1 + 0.2
    assert (first["llm/input_tokens", None].value, first["llm/input_tokens", None].n) == (7, 1)


def test_judges_are_paid_apart_from_answers() -> None:
    judged = pa.table({"n_calls": [2, 0], "cost_usd": [0.25, None]}, schema=JUDGED.schema)
    found = figures_of([trace(1)], judged=judged)
    assert (found["evaluation/judge_calls", None].value, found["evaluation/judge_cost", None].value) == (2, 0.25)


def test_a_day_without_traces_has_figures_without_values() -> None:
    found = figures_of()
    assert found["pipeline/latency_p95", None].value is None
    assert found["llm/unpriced_share", None].reason == "no_items"
