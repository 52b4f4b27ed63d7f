"""A day against the days before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.records.daily_report import FigureSeries, SeriesPoint
from millrace.reports.document import text_of
from millrace.reports.history import change_cell, compare, difference, usual_text
from millrace.reports.wording import NOTHING
from millrace.statistics.intervals import share_difference, wilson_interval
from tests.support.daily_report import series


def point(value: float | None, low: float | None = None, high: float | None = None) -> SeriesPoint:
    return SeriesPoint(day="2026-11-20", value=value, low=low, high=high, n=10)


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_the_difference_of_wilson_intervals_is_newcombes(n_then: int, n_now: int, then: float, now: float) -> None:
    first, second = wilson_interval(round(then * n_then), n_then), wilson_interval(round(now * n_now), n_now)
    found = difference(*(point(each.mean, each.low, each.high) for each in (first, second)))
    expected = share_difference(first, second)
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high), abs=1e-12)


def test_the_difference_of_symmetric_intervals_has_the_root_of_the_sum_of_squares() -> None:
    # half widths .03 and .04 -> .05
    found = difference(point(0.80, 0.77, 0.83), point(0.70, 0.66, 0.74))
    assert (found.mean, found.low, found.high) == pytest.approx((-0.10, -0.15, -0.05))


def test_without_an_interval_a_difference_has_none_and_no_verdict() -> None:
    found = difference(point(700), point(812, 800, 820))
    assert (found.mean, found.low, found.reason) == (112, None, "no_interval")
    assert change_cell(compare(series("pipeline/traces", "Traces", [700, 812]))) == "+112"


@pytest.mark.parametrize(
    ("name", "then", "now", "told"),
    [
        ("evaluation/metric", 0.80, 0.69, "-0.11 worse"),
        ("evaluation/metric", 0.69, 0.80, "+0.11 better"),
        ("evaluation/metric", 0.80, 0.79, "-0.01"),
        ("pipeline/failed_share", 0.02, 0.12, "+10 points worse"),
        ("pipeline/failed_share", 0.12, 0.02, "-10 points better"),
        ("pipeline/abstained_share", 0.12, 0.02, "-10 points changed"),
        ("retrieval/top_score_p50", 0.0277, 0.0213, "-0.006"),
        ("llm/cost", 3.0, 2.5, "-$0.50"),
        ("pipeline/latency_p95", 1.0, 2.0, "+1.00 s worse"),
    ],
)
def test_a_change_is_called_worse_or_better_only_beyond_chance(name: str, then: float, now: float, told: str) -> None:
    half = None if name == "llm/cost" else 0.02
    text = text_of(change_cell(compare(series(name, "Figure", [then, now], half))))
    assert text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-") == told


def test_days_without_a_value_are_passed_over_and_the_one_compared_with_is_named() -> None:
    compared = compare(series("evaluation/metric", "Metric", [0.5, 0.8, None, 0.7], 0.01))
    assert text_of(change_cell(compared)).startswith("\N{MINUS SIGN}0.10 since 18\N{NO-BREAK SPACE}Nov")
    assert usual_text(compared) == "0.65 (2 days)"  # of .5 and .8


def test_usual_is_the_median_of_seven_calendar_days() -> None:
    # 12 days before: five of 0.1, then seven of 0.8 and more
    compared = compare(series("evaluation/metric", "Metric", [0.1] * 5 + [0.8, 0.9, 0.8, 0.9, 0.8, 0.9, 0.85] + [0.7]))
    assert (usual_text(compared), compared.n_days) == ("0.85", 7)
    gap: FigureSeries = series("evaluation/metric", "Metric", [0.1] * 5 + [None] * 7 + [0.7])
    assert compare(gap).usual is None


def test_a_day_without_a_value_has_no_change() -> None:
    compared = compare(series("evaluation/metric", "Metric", [0.8, None]))
    assert text_of(change_cell(compared)) == NOTHING
    assert text_of(change_cell(None)) == NOTHING
