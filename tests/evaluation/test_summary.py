"""Metrics over a window."""

from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import arrow_schema, measured_fields
from millrace.errors import BadInputError
from millrace.evaluation.metrics import METRICS
from millrace.evaluation.summary import summarise_metrics
from millrace.records.daily_report import MetricSummary
from millrace.records.evaluation import MetricScore, SampledTrace
from millrace.statistics.intervals import student_interval
from millrace.statistics.weighted import stratified_mean
from tests.support.scored_traces import metric_scores

JUDGED = {"metric": "ragas_faithfulness", "tier": "ragas", "source": "ragas/0.4.3 x"}
FAILED = {"status": "failed", "reason": "timeout"}
NO_CONTEXT = {"status": "undefined", "reason": "no_context"}


def weights(*strata: tuple[str, float]) -> pa.Table:
    rows = [{"trace_id": f"t{i}", "stratum": name, "weight": weight} for i, (name, weight) in enumerate(strata)]
    return pa.Table.from_pylist(rows, schema=arrow_schema(SampledTrace))


def summarised(
    *rows: dict[str, Any], strata: tuple[tuple[str, float], ...] = (("all", 1.0),) * 4
) -> dict[str, MetricSummary]:
    return {each.metric: each for each in summarise_metrics(metric_scores(*rows), weights(*strata))}


def counted(summary: MetricSummary) -> tuple[dict[str, int], dict[str, int]]:
    return {each.name: each.n for each in summary.statuses}, {each.name: each.n for each in summary.reasons}


def test_a_failure_is_counted_and_enters_no_mean() -> None:
    rows = [
        {"trace_id": "t0", "value": 0.2},
        {"trace_id": "t1", "value": 0.6},
        {"trace_id": "t2"} | FAILED,
        {"trace_id": "t3"} | NO_CONTEXT,
    ]
    found = summarised(*rows)["groundedness"]
    expected = student_interval([0.2, 0.6], lowest=0.0, highest=1.0)
    assert (found.mean.mean, found.mean.low, found.mean.high) == (expected.mean, expected.low, expected.high)
    assert (found.mean.n, found.mean.n_failed, found.mean.method) == (2, 1, "student_t")
    assert counted(found) == ({"scored": 2, "undefined": 1, "skipped": 0, "failed": 1}, {"no_context": 1, "timeout": 1})
    assert found.source == "test/1"


def test_the_mean_is_weighted_by_stratum() -> None:
    values = [0.2, 0.4, 0.9, 0.7]
    strata = (("a", 10.0), ("a", 10.0), ("b", 2.0), ("b", 2.0))
    rows = [{"trace_id": f"t{i}", "value": value} for i, value in enumerate(values)]
    found = summarised(*reversed(rows), strata=strata)["groundedness"].mean
    expected = stratified_mean(values, [10, 10, 2, 2], list("aabb"), lowest=0, highest=1)
    assert (found.mean, found.low, found.high, found.method) == (
        expected.mean,
        expected.low,
        expected.high,
        "stratified",
    )
    assert found.mean == pytest.approx((0.3 * 20 + 0.8 * 4) / 24)


def test_a_metric_without_values_says_why() -> None:
    skipped = {"status": "skipped", "reason": "no_gateway"} | JUDGED
    found = summarised({"trace_id": "t0"} | skipped, {"trace_id": "t1"} | skipped)
    assert found["ragas_faithfulness"].mean.reason == "no_gateway"
    assert found["ragas_faithfulness"].source == "-"
    assert counted(found["ragas_faithfulness"])[0]["skipped"] == 2
    assert found["groundedness"].mean.reason == "no_items"
    assert sum(found["groundedness"].counts) == 0


def test_metrics_come_in_the_registrys_order_and_model_free_ones_always() -> None:
    own = {"metric": "criteria_tone", "tier": "deepeval", "value": 0.5}
    found = list(summarised({"trace_id": "t0"} | own, {"trace_id": "t0", "value": 1.0} | JUDGED))
    always = [name for name, metric in METRICS.items() if metric.tier == "model_free"]
    assert found == [*always, "ragas_faithfulness", "criteria_tone"]


def test_the_histogram_has_twenty_bins_and_both_ends() -> None:
    found = summarised(*({"trace_id": f"t{i}", "value": v} for i, v in enumerate([0.0, 0.049, 0.05, 1.0])))[
        "groundedness"
    ]
    assert (len(found.edges), found.edges[0], found.edges[-1]) == (21, 0.0, 1.0)
    assert (found.counts[0], found.counts[1], found.counts[19], sum(found.counts)) == (2, 1, 1, 4)


def test_what_judging_took_is_added_up() -> None:
    rows = [
        JUDGED | {"trace_id": "t0", "value": 1.0, "n_calls": 2, "input_tokens": 10, "cost_usd": 0.25},
        JUDGED | {"trace_id": "t1", "n_calls": 3, "input_tokens": 5} | FAILED,
    ]
    found = summarised(*rows)
    judged, free = found["ragas_faithfulness"], found["groundedness"]
    assert (judged.n_calls, judged.input_tokens, judged.output_tokens, judged.cost_usd) == (5, 15, None, 0.25)
    assert (free.n_calls, free.cost_usd) == (0, None)
    bare = metric_scores(*rows).drop_columns(measured_fields(MetricScore))
    assert summarise_metrics(bare, weights(("a", 1.0), ("a", 1.0)))[-1].n_calls == 0


def test_scores_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(BadInputError, match="'t9'"):
        summarised({"trace_id": "t9", "value": 1.0})
    with pytest.raises(BadInputError, match="two scores"):
        summarised({"trace_id": "t0", "value": 1.0}, {"trace_id": "t0", "value": 0.5})
