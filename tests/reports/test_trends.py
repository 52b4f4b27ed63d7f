"""This week after the earlier ones."""

from types import SimpleNamespace

import pytest


def test_weeks_stand_in_order_of_time_whatever_the_order_of_rows(make: SimpleNamespace) -> None:
    weeks = [make.earlier(week, 10, {}) for week in (46, 44, 45)]
    found = make.week(weeks=weeks).weeks
    assert [week.week for week in found] == ["2026-W44", "2026-W45", "2026-W46", "2026-W47"]
    assert found[-1].failures.n_failures == 3


def test_an_earlier_run_of_this_very_week_is_left_out(make: SimpleNamespace) -> None:
    found = make.week(weeks=[make.earlier(47, 10, {}), make.earlier(46, 10, {})]).weeks
    assert [(week.week, week.n_traces) for week in found] == [("2026-W46", 10), ("2026-W47", 10)]


def test_at_most_half_a_year_is_shown(make: SimpleNamespace) -> None:
    found = make.week(weeks=[make.earlier(week, 10, {}) for week in range(1, 47)]).weeks
    assert (len(found), found[-1].week) == (26, "2026-W47")


def test_the_first_week_has_nothing_to_compare_with(make: SimpleNamespace) -> None:
    for weeks in (None, []):
        report = make.week(weeks=weeks)
        assert (len(report.weeks), report.changes) == (1, [])


def test_changes_are_differences_of_shares_against_the_last_earlier_week(make: SimpleNamespace) -> None:
    # this week 2 hallucinations and 1 system error of 9; week 46: 10 of 100 and none
    report = make.week(weeks=[make.earlier(45, 50, {}), make.earlier(46, 100, {"hallucination": 10})])
    changes = {change.failure_type: change.difference for change in report.changes}
    assert changes[None].mean == pytest.approx(3 / 9 - 0.1)
    assert changes["hallucination"].mean == pytest.approx(2 / 9 - 0.1)
    assert changes["system_error"].low is not None
    assert len(changes) == 7


def test_a_week_without_traces_leaves_a_gap_with_a_reason(make: SimpleNamespace) -> None:
    report = make.week(weeks=[make.earlier(46, 0, {}, mean=None)])
    assert report.weeks[0].failures.share.reason == "no_items"
    assert report.weeks[0].groundedness.reason == "no_items"
    assert report.changes[0].difference.mean is None
