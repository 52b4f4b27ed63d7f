"""Figures in their own units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.records.monitoring import DayFigure
from millrace.reports.figures import figure_name, interval_text, share_text, short_day, significant, usd, value_text
from millrace.reports.wording import NOTHING


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("pipeline/failed_share", 0.0, "0 %"),
        ("pipeline/failed_share", 0.0004, "0.040 %"),
        ("pipeline/failed_share", 0.0222, "2.2 %"),
        ("pipeline/failed_share", 0.31, "31 %"),
        ("pipeline/failed_share", 0.99951, "over 99.9 %"),
        ("pipeline/failed_share", 0.9949, "99.5 %"),
        ("pipeline/failed_share", 1.0, "100 %"),
        ("retrieval/canary_p50_change", 0.04, "+4.0 %"),
        ("retrieval/canary_p50_change", -0.231, "-23 %"),
        ("retrieval/canary_p50_change", 2.5, "+250 %"),
        ("pipeline/latency_p95", 1.234, "1.23 s"),
        ("llm/cost", 12.4, "$12.40"),
        ("llm/cost", 0.00421, "$0.0042"),
        ("llm/cost", 0.0, "$0.00"),
        ("pipeline/traces", 12345, "12 345"),
        ("retrieval/top_score_p50", 0.0213, "0.021"),
        ("evaluation/metric", 0.8266, "0.83"),
        ("a/figure_of_later_days", 0.5, "0.50"),
        ("pipeline/traces", None, NOTHING),
    ],
)
def test_values_are_told_in_their_unit(name: str, value: float | None, told: str) -> None:
    assert value_text(name, value).replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-") == told


@given(st.floats(0, 1))
def test_a_share_is_nothing_or_all_only_where_it_is(share: float) -> None:
    told = share_text(share).replace("\N{NO-BREAK SPACE}", " ")
    if share >= 1e-8:  # six decimals of a percent are written at most
        assert (told == "0 %") == (share == 0)
        assert float(told.removeprefix("over ").removesuffix(" %")) > 0
    assert (told == "100 %") == (share == 1)


@given(st.floats(1e-4, 1e6))
def test_numbers_keep_two_digits_that_mean_something(value: float) -> None:
    told = float(significant(value).replace("\N{NO-BREAK SPACE}", ""))
    assert told == pytest.approx(value, rel=0.06)


def test_names_are_words_and_say_what_they_are_of() -> None:
    assert figure_name("pipeline/failed_share") == "Failed share"
    assert figure_name("pipeline/stage_p95", "rerank") == "Stage 95th percentile: rerank"
    assert figure_name("evaluation/drift_mmd_p_value") == "Drift MMD p-value"


def test_a_figure_is_told_with_its_interval_or_why_it_has_no_value() -> None:
    figure = DayFigure(day="2026-11-20", name="pipeline/failed_share", value=0.02, low=0.01, high=0.04, n=9)
    assert interval_text(figure).replace("\N{NO-BREAK SPACE}", " ") == "2.0 % [1.0 %, 4.0 %]"
    without = DayFigure(day="2026-11-20", name="llm/cost", value=None, n=0, reason="no_price")
    assert interval_text(without) == "no value: no price"


def test_days_are_short_and_what_is_no_day_stays() -> None:
    assert short_day("2026-11-05") == "5\N{NO-BREAK SPACE}Nov"
    assert short_day("a stretch of time") == "a stretch…"


def test_amounts_below_ten_cents_keep_two_digits() -> None:
    assert [usd(amount) for amount in (3.0, 0.1, 0.099, 0.00012)] == ["$3.00", "$0.10", "$0.099", "$0.00012"]
