"""Figures that do not fit the days before, and those that only seem so."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.monitoring.anomaly import AnomalyConfig, find_anomalies
from millrace.records.monitoring import Anomaly, DayFigure
from millrace.statistics.intervals import wilson_interval

TODAY = date(2026, 11, 20)  # a Friday
SCORE, SHARE, COUNT, COST = (
    "retrieval/top_score_p50", "pipeline/failed_share", "pipeline/traces", "llm/cost"
)  # fmt: skip


def day(before: int) -> str:
    return (TODAY - timedelta(days=before)).isoformat()


def figure(value: float | None, before: int = 0, name: str = SCORE, **changed: Any) -> DayFigure:
    values: dict[str, Any] = {"day": day(before), "name": name, "value": value, "n": 500}
    if value is None:
        values["reason"] = "no_items"
    return DayFigure(**(values | changed))


def share(hits: int, n: int, before: int = 0) -> DayFigure:
    interval = wilson_interval(hits, n)
    return figure(interval.mean, before, SHARE, low=interval.low, high=interval.high, n=n)


def series(values: Sequence[float], name: str = SCORE) -> list[DayFigure]:
    """The last value is yesterday's."""
    return [figure(float(value), len(values) - place, name) for place, value in enumerate(values)]


def find(today: DayFigure | list[DayFigure], earlier: list[DayFigure], **changed: Any) -> list[Anomaly]:
    figures = today if isinstance(today, list) else [today]
    return find_anomalies(figures, table_of(DayFigure, earlier), AnomalyConfig(**changed))


def steady(n: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.6, 0.01, n)


def test_a_value_far_from_all_before_stands_out_and_tells_why() -> None:
    (found,) = find(figure(0.4), series(steady()))
    median = float(np.median(steady()))
    assert (found.method, found.figure, found.value, found.since, found.n_days) == (
        "robust_z", SCORE, 0.4, day(0), 40
    )  # fmt: skip
    assert found.expected == pytest.approx(median)
    assert 0.4 < found.low < median < found.high
    scale = 1.4826 * np.median(np.abs(steady() - median))
    assert found.score == pytest.approx((median - 0.4) / scale)


@pytest.mark.parametrize("value", [0.59, 0.6, 0.62])
def test_a_value_like_those_before_does_not(value: float) -> None:
    assert find(figure(value), series(steady())) == []


def test_too_few_days_and_days_long_past_are_not_looked_at() -> None:
    assert find(figure(0.1), series(steady(13))) == []
    assert len(find(figure(0.1), series(steady(14)))) == 1
    old = [row.model_copy(update={"day": day(43 + place)}) for place, row in enumerate(series(steady()))]
    assert find(figure(0.1), old) == []


def test_rows_of_today_of_later_days_and_without_a_value_count_for_nothing() -> None:
    others = [figure(0.4), figure(0.4, -1), *(figure(None, before, label=None) for before in (41, 42))]
    assert find(figure(0.4), [*series(steady()), *others]) == find(figure(0.4), series(steady()))
    assert find(figure(None), series(steady())) == []


def test_series_are_told_apart_by_their_label() -> None:
    rows = [
        row.model_copy(update={"label": label, "value": row.value + added})
        for label, added in (("a", 0.0), ("b", 0.3))
        for row in series(steady())
    ]
    assert find([figure(0.6, label="a"), figure(0.9, label="b")], rows) == []
    assert [each.label for each in find([figure(0.9, label="a"), figure(0.9, label="b")], rows)] == ["a"]


def test_of_two_rows_for_one_day_the_last_counts() -> None:
    again = [row.model_copy(update={"value": row.value + 1}) for row in series(steady())]
    assert find(figure(1.6), [*series(steady()), *again]) == []


def test_one_failure_after_weeks_without_is_chance_and_ten_are_not() -> None:
    clean = [share(0, 200, before) for before in range(1, 41)]
    assert find(share(1, 200), clean) == []
    assert [each.method for each in find(share(10, 200), clean)] == ["robust_z"]


def test_a_share_of_few_items_must_be_further_out() -> None:
    usual = [share(5 + before % 3, 100, before) for before in range(1, 41)]
    assert find(share(3, 10), usual) == []  # 30 % of ten
    assert len(find(share(60, 200), usual)) == 1  # 30 % of two hundred


def test_an_interval_that_reaches_what_was_expected_explains_the_value() -> None:
    wide, narrow = (figure(0.4, low=0.4 - half, high=0.4 + half) for half in (0.25, 0.01))
    assert find(wide, series(steady())) == []
    assert len(find(narrow, series(steady()))) == 1


def test_a_count_that_never_changed_may_vary_like_a_count() -> None:
    constant = series([100.0] * 40, COUNT)
    assert find(figure(110, name=COUNT), constant) == []
    assert len(find(figure(200, name=COUNT), constant)) == 1


def test_a_constant_figure_stands_out_only_when_it_changes_enough() -> None:
    constant = series([0.5] * 40)
    assert find(figure(0.505), constant) == []
    (found,) = find(figure(0.6), constant)
    assert found.score == 100


def test_what_was_there_before_is_no_outlier_of_days_that_are_nearly_all_equal() -> None:
    rare = series([0.0] * 38 + [3.0] + [0.0], COST)
    assert find(figure(3.0, name=COST), rare) == []
    assert len(find(figure(30.0, name=COST), rare)) == 1


def test_costs_vary_in_proportion() -> None:
    # doubled and halved from day to day; the log has no long side, the value itself does
    random = np.random.default_rng(0)
    usual = series(np.exp(random.normal(0, 0.5, 40)), COST)
    assert find(figure(3.0, name=COST), usual) == []
    (found,) = find(figure(0.001, name=COST), usual)
    assert found.low > 0


def test_a_quiet_weekend_is_no_anomaly_and_a_quiet_friday_is() -> None:
    weekend = {before for before in range(1, 43) if (TODAY - timedelta(days=before)).weekday() >= 5}
    rows = [figure((300 if before in weekend else 1000) + 10 * (before % 3), before, COUNT) for before in range(1, 43)]
    assert len(find(figure(300, name=COUNT), rows)) == 1
    assert find(figure(1010, name=COUNT), rows) == []
    sunday = figure(310, -2, COUNT)
    assert find(sunday, [*rows, figure(1000, 0, COUNT), figure(300, -1, COUNT)]) == []


def test_a_level_that_lasted_is_a_change_since_its_first_day() -> None:
    values = steady(40, seed=3)
    values[-5:] -= 0.035
    found = [each for each in find(figure(0.565), series(values)) if each.method == "change_point"]
    assert [each.since for each in found] == [day(5)]
    assert found[0].expected == pytest.approx(0.6, abs=0.005)
    assert found[0].score > 4  # p at most .0001
    assert (found[0].low, found[0].high, found[0].n_days) == (None, None, 35)


def test_a_level_that_has_become_usual_is_none() -> None:
    values = steady(42, seed=4)
    values[-20:] -= 0.03
    assert find(figure(0.57), series(values)) == []


def test_only_the_quartiles_see_what_is_out_on_the_short_side() -> None:
    # values that reach far down but never far up: the median deviation is of the long side
    random = np.random.default_rng(5)
    usual = 0.9 - random.exponential(0.05, 42) ** 1.0
    found = find(figure(1.3), series(usual), false_alarm_rate=1e-9, iqr_factor=1.0)
    assert [each.method for each in found] == ["iqr"]
    assert found[0].low < 0.9 < found[0].high < 1.3


@pytest.mark.parametrize("degrees", [100, 3])
def test_quiet_days_of_sixty_figures_have_hardly_a_false_outlier(degrees: int) -> None:
    values = np.random.default_rng(7).standard_t(degrees, size=(60, 52))
    figures = [
        [figure(10 + float(values[label, 51 - before]), before, label=str(label)) for label in range(60)]
        for before in range(10)
    ]
    table = table_of(DayFigure, [*(row for rows in figures for row in rows), *before_those(values)])
    found = [each for today in figures for each in find_anomalies(today, table, AnomalyConfig())]
    assert sum(each.method != "change_point" for each in found) <= 1


def before_those(values: np.ndarray) -> list[DayFigure]:
    return [
        figure(10 + float(values[label, 51 - before]), before, label=str(label))
        for before in range(10, 52)
        for label in range(60)
    ]


def test_a_day_on_which_many_figures_move_shows_more_of_them() -> None:
    rows = [row.model_copy(update={"label": str(n)}) for n in range(30) for row in series(steady(seed=n))]
    alone = [figure(0.555 if n == 0 else 0.6, label=str(n)) for n in range(30)]
    together = [figure(0.555 if n < 25 else 0.6, label=str(n)) for n in range(30)]
    assert len([each for each in find(together, rows) if each.label == "0"]) >= len(find(alone, rows))
    assert len(find(together, rows)) >= 15


def test_an_incident_does_not_hide_the_next_day_of_it() -> None:
    # ten figures of sixty have been out for four days; the fifth is still told of
    values = np.random.default_rng(8).normal(0.6, 0.01, size=(60, 40))
    values[:10, -4:] -= 0.1
    rows = [row.model_copy(update={"label": str(n)}) for n in range(60) for row in series(values[n])]
    today = [figure(0.5 if n < 10 else 0.6, label=str(n)) for n in range(60)]
    outliers = {each.label for each in find(today, rows) if each.method == "robust_z"}
    assert outliers == {str(n) for n in range(10)}


def test_no_days_and_no_figures_give_nothing() -> None:
    assert find([], series(steady())) == []
    assert find(figure(0.1), []) == []
    assert find(figure(50.0, name="evaluation/anomalies"), series(steady(), "evaluation/anomalies")) == []


def test_what_is_no_day_is_refused() -> None:
    with pytest.raises(BadInputError, match="twice"):
        find([figure(0.1), figure(0.2)], [])
    with pytest.raises(BadInputError, match="several days"):
        find([figure(0.1), figure(0.2, 1, label="x")], [])
    with pytest.raises(BadInputError, match="no day"):
        find(figure(0.1).model_copy(update={"day": "yesterday"}), series(steady()))
    with pytest.raises(ValidationError):
        AnomalyConfig(shortest_change=5, longest_change=4)
