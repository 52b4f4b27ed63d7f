"""Which traces searched, and when the last searches are worse than those before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.answering.pipeline import span_of
from millrace.datasets.schema import arrow_schema, table_of
from millrace.monitoring.canary import CanaryConfig, retrieval_samples, watch_retrieval
from millrace.records.monitoring import CanaryResult, RetrievalSample
from millrace.records.trace import RetrievedContext, Span, Trace

START = datetime(2026, 11, 1, tzinfo=UTC)
RAN = span_of("retrieval", ran="true", n_passages=0)
PASSED_OVER = span_of("retrieval", ran="false", reason="the question was blocked")
SKIPPED = span_of("retrieval", ran="true", skipped="the route direct_llm needs no passages")
BROKEN = span_of("retrieval", ran="true", error="the index is gone")
ROUTED = span_of("routing", ran="true", skipped="nothing to route")


def trace(trace_id: str, *scores: float | None, **changed: Any) -> Trace:
    contexts = [RetrievedContext(context_id=f"c{place}", text="", score=score) for place, score in enumerate(scores)]
    values: dict[str, Any] = {
        "trace_id": trace_id, "time": START, "tenant_id": "t", "question": "q", "contexts": contexts
    }  # fmt: skip
    return Trace.model_validate(values | changed)


def searched(*traces: Trace) -> list[tuple[str, int, float | None]]:
    rows = retrieval_samples(table_of(Trace, traces)).to_pylist()
    return [(row["trace_id"], row["n_contexts"], row["top_score"]) for row in rows]


def test_the_top_score_is_the_highest_whatever_its_rank() -> None:
    found = searched(trace("a", 0.2, 0.7, None), trace("b", None), trace("c", -0.4, -0.3))
    assert found == [("a", 3, 0.7), ("b", 1, None), ("c", 2, -0.3)]


@pytest.mark.parametrize(
    ("spans", "status", "counts"),
    [
        ([RAN], "answered", True),
        ([RAN], "abstained", True),
        ([RAN], "failed", True),
        ([RAN], "blocked", False),
        ([RAN], "escalated", False),
        ([PASSED_OVER], "failed", False),
        ([SKIPPED], "answered", False),
        ([BROKEN], "failed", False),
        ([ROUTED, RAN], "answered", True),
        ([PASSED_OVER, RAN], "answered", True),
        ([Span(name="VectorStoreRetriever")], "answered", True),
        ([Span(name="vector_search")], "answered", True),
        ([Span(name="research_agent")], "answered", False),
        ([ROUTED], "answered", False),
        ([], "answered", True),
        ([], "abstained", True),
        ([], "failed", False),
        ([], "blocked", False),
    ],
)
def test_whether_a_trace_without_passages_searched(spans: list[Span], status: str, counts: bool) -> None:
    neighbours = [trace("before", 0.5), trace("x", spans=spans, status=status), trace("after", 0.6, spans=[ROUTED])]
    expected = [("before", 1, 0.5), *([("x", 0, None)] if counts else []), ("after", 1, 0.6)]
    assert searched(*neighbours) == expected


def test_no_traces_give_an_empty_table() -> None:
    assert searched() == []


def samples(scores: list[float | None], *, first: int = 0, empty: range = range(0)) -> pa.Table:
    n = len(scores)
    table = pa.table(
        {
            "trace_id": [f"t{first + place:06d}" for place in range(n)],
            "time": [START + timedelta(minutes=first + place) for place in range(n)],
            "n_contexts": [0 if place in empty else 5 for place in range(n)],
            "top_score": pa.array(
                [None if place in empty else score for place, score in enumerate(scores)], pa.float64()
            ),
        }
    )
    return table.cast(arrow_schema(RetrievalSample))


def drawn(n: int, mean: float, seed: int) -> list[float | None]:
    return [float(value) for value in np.random.default_rng(seed).normal(mean, 0.15, n)]


def watch(*tables: pa.Table, **changed: Any) -> CanaryResult:
    return watch_retrieval(pa.concat_tables(tables), CanaryConfig(**changed))


def test_the_windows_are_the_last_thousand_and_the_seven_thousand_before() -> None:
    found = watch(samples([float(place) for place in range(9_000)]))
    # the last 8 000 of 0 ... 8 999: medians by interpolation between the two in the middle
    assert (found.current.n, found.current.p50, found.current.mean) == (1_000, 8_499.5, 8_499.5)
    assert (found.baseline.n, found.baseline.p50) == (7_000, 4_499.5)
    assert found.current.p95 == pytest.approx(8_000 + 0.95 * 999)
    assert found.baseline.time_to == found.current.time_from - timedelta(minutes=1)


def test_a_drop_that_is_no_chance_is_critical() -> None:
    found = watch(samples(drawn(7_000, 0.6, 0)), samples(drawn(1_000, 0.5, 1), first=7_000))
    assert found.status == "critical"
    assert found.p50_change.mean == pytest.approx(-1 / 6, abs=0.03)
    assert found.p50_change.high < 0
    assert len(found.reasons) == 1
    assert "lower than before" in found.reasons[0]


def test_a_drop_that_may_be_chance_is_a_warning() -> None:
    # scores that vary so much that medians of a hundred are off by a third
    wild = np.random.default_rng(2).normal(0.5, 1.0, 400)
    wild[300:] += 0.4 - np.median(wild[300:]) + np.median(wild[:300]) - 0.5
    found = watch(samples([float(score) for score in wild]))
    assert found.p50_change.mean < -0.1 < 0 < found.p50_change.high
    assert found.status == "warning"
    assert "may be chance" in found.reasons[0]


def test_a_proven_drop_within_the_bound_is_fine() -> None:
    found = watch(samples(drawn(7_000, 0.6, 0)), samples(drawn(1_000, 0.56, 1), first=7_000))
    assert found.p50_change.high < 0
    assert (found.status, found.reasons) == ("ok", [])


@pytest.mark.parametrize(("n_empty", "status"), [(50, "ok"), (51, "warning"), (63, "warning"), (65, "critical")])
def test_empty_searches(n_empty: int, status: str) -> None:
    # Wilson's lower end is above 5 % from 64 of 1 000 on
    now = samples(drawn(1_000, 0.6, 1), first=7_000, empty=range(n_empty))
    found = watch(samples(drawn(7_000, 0.6, 0)), now)
    assert (found.status, found.current.n_empty, found.current.n_scored) == (status, n_empty, 1_000 - n_empty)


def test_twenty_quiet_days_raise_nothing() -> None:
    statuses = []
    for day in range(20):
        found = watch(samples(drawn(8_000, 0.6, 100 + day), empty=range(7_000, 7_040)))
        statuses.append(found.status)
    assert statuses == ["ok"] * 20


def test_few_searches_shrink_the_windows() -> None:
    found = watch(samples(drawn(1_600, 0.6, 0)))
    assert (found.current.n, found.baseline.n, found.status) == (200, 1_400, "ok")
    found = watch(samples(drawn(450, 0.6, 0)))
    assert (found.current.n, found.baseline.n, found.status) == (100, 350, "ok")


def test_too_few_say_what_is_missing() -> None:
    nothing, few, young = (watch(samples(drawn(n, 0.6, 0))) for n in (0, 99, 250))
    assert [each.status for each in (nothing, few, young)] == ["not_enough"] * 3
    assert nothing.empty_share.reason == "no_items"
    assert nothing.p50_change is None
    assert few.reasons == ["99 searches are not enough; 100 are needed."]
    assert "150 before" not in few.reasons[0]
    assert young.baseline.n == 150


def test_empty_searches_are_told_of_without_a_baseline_and_without_scores() -> None:
    found = watch(samples([None] * 120, empty=range(60)))
    assert found.status == "critical"
    assert found.current.p50 is None
    assert len(found.reasons) == 2


def test_a_median_of_zero_has_no_relative_change() -> None:
    found = watch(samples([0.0] * 8_000))
    assert (found.status, found.p50_change.reason) == ("not_enough", "undefined")


def test_a_trace_that_occurs_twice_counts_once() -> None:
    once = samples(drawn(8_000, 0.6, 0))
    assert watch(once, once.slice(7_500)) == watch(once)


@settings(deadline=None, max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(random: Any) -> None:
    table = samples(drawn(500, 0.6, 0))
    order = list(range(500))
    random.shuffle(order)
    assert watch(table.take(order)) == watch(table)
