"""Whose a late trace is: every row that comes after its week's first run belongs to one week's runs."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.ingestion.lateness import LateStretch, WeekRun, late_stretches
from millrace.records.trace import utc
from millrace.records.window import Window, iso_week

NOW = utc(2030, 1, 1)


def week(number: int) -> Window:
    return iso_week(f"2026-W{number:02d}", "UTC", NOW)


def ran(*weeks_and_sequences: tuple[int, int]) -> list[WeekRun]:
    return [WeekRun(window=week(number), sequence=sequence) for number, sequence in weeks_and_sequences]


def stretch(number: int, after: int, upto: int) -> LateStretch:
    return LateStretch(window=week(number), after=after, upto=upto)


def test_what_came_since_the_week_was_run_is_late() -> None:
    assert late_stretches(ran((46, 5)), week(47), 9) == [stretch(46, 5, 9)]


def test_before_the_first_run_nothing_is_late() -> None:
    assert late_stretches([], week(47), 9) == []


def test_a_week_that_was_never_run_keeps_its_rows() -> None:
    # week 45 was left out: run it, and it finds them
    assert late_stretches(ran((44, 2), (46, 5)), week(47), 9) == [stretch(44, 5, 9), stretch(46, 5, 9)]


def test_nothing_came_so_nothing_is_late() -> None:
    assert late_stretches(ran((46, 9)), week(47), 9) == []


def test_what_one_week_took_the_next_leaves() -> None:
    assert late_stretches(ran((46, 5), (47, 9)), week(48), 12) == [stretch(46, 9, 12), stretch(47, 9, 12)]


def test_a_week_run_again_takes_what_its_first_run_took_and_what_came_since() -> None:
    # 46's rows: up to 5 its own run's, up to 9 the first 47's, up to 12 the 48's, then this run's
    earlier = ran((46, 5), (47, 9), (48, 12))
    assert late_stretches(earlier, week(47), 20) == [stretch(46, 5, 9), stretch(46, 12, 20)]


def test_a_week_run_again_by_itself_leaves_nothing_to_the_next() -> None:
    assert late_stretches(ran((46, 5), (46, 9)), week(47), 9) == []


def test_a_week_made_up_for_later_takes_nothing_that_a_later_week_took() -> None:
    assert late_stretches(ran((45, 3), (47, 9)), week(46), 9) == []


def test_rows_of_a_later_week_are_never_late() -> None:
    assert late_stretches(ran((47, 5)), week(46), 9) == []


WEEKS = st.integers(40, 44)


@given(st.lists(st.tuples(WEEKS, st.integers(0, 3)), max_size=9), st.integers(1, 24), WEEKS)
def test_every_row_is_taken_by_the_runs_of_one_week_at_most_and_by_one_when_a_later_run_follows(
    drawn: list[tuple[int, int]], came: int, of_week: int
) -> None:
    """The oracle walks through the runs and asks each for one row, by its week and when it came."""
    sequence, runs = 0, []
    for number, step in drawn:
        sequence += step
        runs.append(WeekRun(window=week(number), sequence=sequence))
    takers = set()
    expected: str | None = None
    for place, run in enumerate(runs):
        own = run.window == week(of_week) and came <= run.sequence
        late = [each for each in late_stretches(runs[:place], run.window, run.sequence) if each.window == week(of_week)]
        if any(each.after < came <= each.upto for each in late):
            takers.add(run.window.name)
            assert not own
        was_run = any(each.window == week(of_week) for each in runs[:place])
        may_take = run.window.start >= week(of_week).start and (was_run or run.window == week(of_week))
        if expected is None and may_take and came <= run.sequence:
            expected = run.window.name
    if expected is None or expected == week(of_week).name:
        assert takers == set()
    else:
        assert takers == {expected}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Apia"])
def test_weeks_are_told_apart_in_any_zone(zone: str) -> None:
    first, second = (iso_week(name, zone, NOW) for name in ("2026-W46", "2026-W47"))
    (found,) = late_stretches([WeekRun(window=first, sequence=1)], second, 2)
    assert found.window == first
    assert found.window.end == second.start
    assert second.end - second.start == timedelta(days=7)
