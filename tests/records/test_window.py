from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.records.trace import utc
from millrace.records.window import calendar_day, iso_week

HOUR = timedelta(hours=1)


def test_a_week_runs_from_monday_midnight_to_the_next_one() -> None:
    window = iso_week("2026-W46", "UTC", utc(2030, 1, 1))
    assert (window.start, window.end) == (utc(2026, 11, 9), utc(2026, 11, 16))


@pytest.mark.parametrize(
    ("week", "hours"),
    [
        ("2026-W13", 167),  # clocks in Berlin went forward on Sunday 2026-03-29
        ("2026-W43", 169),  # and back on Sunday 2026-10-25
        ("2026-W44", 168),
    ],
)
def test_a_week_with_a_change_of_clocks_is_an_hour_shorter_or_longer(week: str, hours: int) -> None:
    window = iso_week(week, "Europe/Berlin", utc(2030, 1, 1))
    assert window.end - window.start == hours * HOUR


def test_midnight_is_local() -> None:
    # Monday 00:00 in Tokyo (UTC+9) is Sunday 15:00 in UTC
    assert iso_week("2026-W46", "Asia/Tokyo", utc(2030, 1, 1)).start == datetime(2026, 11, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 16, tzinfo=UTC), "2026-W46"),
        (datetime(2026, 11, 15, 23, 59, 59, tzinfo=UTC), "2026-W45"),
        (datetime(2026, 1, 5, tzinfo=UTC), "2026-W01"),
        (datetime(2027, 1, 10, tzinfo=UTC), "2026-W53"),
    ],
)
def test_without_a_name_it_is_the_last_week_that_has_ended(now: datetime, expected: str) -> None:
    assert iso_week(None, "UTC", now).name == expected


def test_the_time_zone_decides_which_week_has_ended() -> None:
    sunday_evening = datetime(2026, 11, 15, 16, tzinfo=UTC)  # already Monday 01:00 in Tokyo
    assert iso_week(None, "Asia/Tokyo", sunday_evening).name == "2026-W46"
    assert iso_week(None, "UTC", sunday_evening).name == "2026-W45"


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo"])
)
def test_the_default_week_has_ended_and_the_next_one_has_not(now: datetime, zone: str) -> None:
    now = now.replace(tzinfo=UTC)
    window = iso_week(None, zone, now)
    assert window.end <= now < window.end + timedelta(days=7) + HOUR
    assert iso_week(window.name, zone, now) == window


@pytest.mark.parametrize(
    "name", ["", "2026-46", "2026-W54", "2026-W00", "2025-W53", "W46", "2026-W46 ", "0000-W01", "9999-W52"]
)
def test_no_such_week_is_said_with_its_name(name: str) -> None:
    with pytest.raises(BadInputError, match=f"no ISO week '{name}'"):
        iso_week(name, "UTC", utc(2026, 11, 16))


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "Europe", "../UTC", "CEST "])
def test_no_such_time_zone_is_said_with_its_name(zone: str) -> None:
    with pytest.raises(BadInputError, match=f"no time zone '{zone}'"):
        iso_week("2026-W46", zone, utc(2026, 11, 16))


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2020-W53", utc(2020, 12, 28), utc(2021, 1, 4)),  # 2020 had 53 weeks; the last holds three days of 2021
        ("2026-W53", utc(2026, 12, 28), utc(2027, 1, 4)),
        ("2027-W01", utc(2027, 1, 4), utc(2027, 1, 11)),
        ("2025-W01", utc(2024, 12, 30), utc(2025, 1, 6)),  # the first may begin in the old year
        ("2024-W09", utc(2024, 2, 26), utc(2024, 3, 4)),  # 29 February
    ],
)
def test_weeks_at_the_turn_of_a_year_are_those_of_the_calendar(name: str, start: datetime, end: datetime) -> None:
    window = iso_week(name, "UTC", utc(2030, 1, 1))
    assert (window.start, window.end) == (start, end)


@pytest.mark.parametrize(
    ("week", "zone", "hours"),
    [
        ("2026-W10", "America/New_York", 167),  # Sunday 2026-03-08
        ("2026-W44", "America/New_York", 169),  # Sunday 2026-11-01
        ("2026-W14", "Australia/Lord_Howe", 168.5),  # half an hour back on Sunday 2026-04-05
        ("2011-W52", "Pacific/Apia", 144),  # Samoa left out Friday 2011-12-30
        ("2021-W11", "Asia/Tehran", 168),  # clocks went forward on Monday 2021-03-22 at midnight, which was none,
        ("2021-W12", "Asia/Tehran", 167),  # so that the next week begins at 01:00
    ],
)
def test_the_hours_of_a_week_are_those_on_the_clocks_of_its_zone(week: str, zone: str, hours: float) -> None:
    window = iso_week(week, zone, utc(2030, 1, 1))
    assert window.end - window.start == hours * HOUR


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Tehran", "Asia/Kolkata", "Pacific/Apia"]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.sampled_from(ZONES))
def test_every_instant_belongs_to_exactly_one_week_of_a_zone(now: datetime, zone: str) -> None:
    now = now.replace(tzinfo=UTC)
    near = [(now.astimezone(ZoneInfo(zone)) + timedelta(days=days)).isocalendar() for days in (-7, 0, 7)]
    weeks = [iso_week(f"{year}-W{week:02d}", zone, now) for year, week, _ in near]
    assert [week.start <= now < week.end for week in weeks] == [False, True, False]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.sampled_from(ZONES))
def test_a_week_ends_at_the_instant_at_which_the_next_begins(now: datetime, zone: str) -> None:
    week = iso_week(None, zone, now.replace(tzinfo=UTC))
    following = iso_week(None, zone, week.end + timedelta(days=7, hours=2))
    assert following.start == week.end


def test_the_edge_of_a_week_is_another_instant_in_another_zone() -> None:
    # Sunday 2026-11-15, 23:30 in Berlin: still week 46 there and in UTC, already 47 in Tokyo
    instant = datetime(2026, 11, 15, 22, 30, tzinfo=UTC)
    names = {}
    for zone in ("Europe/Berlin", "UTC", "Asia/Tokyo"):
        weeks = [iso_week(name, zone, instant) for name in ("2026-W46", "2026-W47")]
        (names[zone],) = (week.name for week in weeks if week.start <= instant < week.end)
    assert names == {"Europe/Berlin": "2026-W46", "UTC": "2026-W46", "Asia/Tokyo": "2026-W47"}


def test_a_day_runs_from_midnight_to_midnight() -> None:
    window = calendar_day("2026-11-20", "UTC", utc(2030, 1, 1))
    assert (window.name, window.start, window.end) == ("2026-11-20", utc(2026, 11, 20), utc(2026, 11, 21))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)])
def test_a_day_with_a_change_of_clocks_is_an_hour_shorter_or_longer(day: str, hours: int) -> None:
    window = calendar_day(day, "Europe/Berlin", utc(2030, 1, 1))
    assert window.end - window.start == hours * HOUR


def test_without_a_name_it_is_yesterday_where_the_zone_is() -> None:
    evening = datetime(2026, 11, 20, 16, tzinfo=UTC)  # already the 21st, 01:00, in Tokyo
    assert calendar_day(None, "Asia/Tokyo", evening).name == "2026-11-20"
    assert calendar_day(None, "UTC", evening).name == "2026-11-19"


@pytest.mark.parametrize("day", ["20261120", "2026-11-31", "2026-W47", "0001-01-01", "yesterday", "9999-12-31"])
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(BadInputError, match="no day"):
        calendar_day(day, "UTC", utc(2030, 1, 1))
