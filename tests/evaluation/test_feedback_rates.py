"""Shares of rated and of well rated traces."""

from typing import Any

import pyarrow as pa
import pytest
from scipy.stats import binomtest

from millrace.datasets.schema import table_of
from millrace.evaluation.feedback_rates import feedback_rates
from millrace.records.feedback import Feedback
from millrace.records.trace import utc


def traces(n: int) -> pa.Table:
    return pa.table({"trace_id": pa.array([f"t{number}" for number in range(n)], pa.string())})


def said(*rows: tuple[int, str, float | None], **fields: Any) -> pa.Table:
    return table_of(
        Feedback,
        [
            Feedback(
                feedback_id=f"f{place}",
                trace_id=f"t{trace}",
                tenant_id="a",
                user_id=user,
                time=utc(2026, 11, 9),
                rating=rating,
                **fields,
            )
            for place, (trace, user, rating) in enumerate(rows)
        ],
    )


def test_a_trace_counts_once_with_the_mean_of_its_users() -> None:
    # t0: 1, 1, 0 -> .67 good; t1: 1, 0 -> .5 not good; t2: .75 good; t3: 0; t4: comment only, not rated
    rows = [(0, "u", 1.0), (0, "v", 1.0), (0, "w", 0.0), (1, "u", 1.0), (1, "v", 0.0), (2, "u", 0.75), (3, "u", 0.0)]
    rates = feedback_rates(traces(10), said(*rows, (4, "u", None), comment="so"))
    assert (rates.n_traces, rates.n_rated, rates.n_comments, rates.n_corrections) == (10, 4, 8, 0)
    assert (rates.positive.mean, rates.positive.n) == (0.5, 4)
    assert (rates.coverage.mean, rates.coverage.n) == (0.4, 10)
    exact = binomtest(2, 4).proportion_ci(method="wilson")
    assert (rates.positive.low, rates.positive.high) == pytest.approx((exact.low, exact.high))


def test_three_of_five_stars_are_rated_and_not_good() -> None:
    assert feedback_rates(traces(1), said((0, "u", 0.5))).positive.mean == 0.0


def test_corrections_are_counted_by_trace() -> None:
    rates = feedback_rates(traces(2), said((0, "u", None), (0, "v", 0.0), correction="Two."))
    assert (rates.n_corrections, rates.n_rated) == (1, 1)


def test_feedback_on_other_traces_is_left_out() -> None:
    rates = feedback_rates(traces(2), said((0, "u", 1.0), (7, "u", 0.0), comment="x"))
    assert (rates.n_rated, rates.positive.mean, rates.n_comments) == (1, 1.0, 1)


def test_nothing_rated_and_no_traces_are_undefined_with_a_reason() -> None:
    rates = feedback_rates(traces(3), said())
    assert (rates.positive.mean, rates.positive.reason) == (None, "no_items")
    assert rates.coverage.mean == 0.0
    assert feedback_rates(traces(0), said()).coverage.reason == "no_items"
