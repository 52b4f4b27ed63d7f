"""Stretches of time that a run works on."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field

from millrace.errors import BadInputError
from millrace.records.base import Record
from millrace.records.trace import UtcTime

_ISO_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # the week after the last one must still have a date


def _as_text(value: object) -> object:
    """YAML makes dates of days."""
    return value.isoformat() if type(value) is date else value


DayName = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Window(Record):
    """From ``start``, inclusive, to ``end``, exclusive; ``name`` is what people call it."""

    name: str
    start: UtcTime
    end: UtcTime
    time_zone: str


def iso_week(name: str | None, time_zone: str, now: datetime) -> Window:
    """The ISO week ``2026-W46`` in that time zone; without a name the last one that has ended by ``now``.

    Midnights are local: a week with a change of clocks has 167 or 169 hours.

    Raises:
        BadInputError: no such week or time zone.
    """
    zone = _zone(time_zone)
    monday = _last_monday(now.astimezone(zone).date()) if name is None else _monday(name)
    year, week, _ = monday.isocalendar()
    return Window(
        name=f"{year}-W{week:02d}",
        start=_midnight(monday, zone),
        end=_midnight(monday + timedelta(days=7), zone),
        time_zone=time_zone,
    )


def calendar_day(name: str | None, time_zone: str, now: datetime) -> Window:
    """The day ``2026-11-20`` in that time zone; without a name the last one that has ended by ``now``.

    Midnights are local: a day with a change of clocks has 23 or 25 hours.

    Raises:
        BadInputError: no such day or time zone.
    """
    zone = _zone(time_zone)
    day = now.astimezone(zone).date() - timedelta(days=1) if name is None else _day(name)
    return Window(
        name=day.isoformat(),
        start=_midnight(day, zone),
        end=_midnight(day + timedelta(days=1), zone),
        time_zone=time_zone,
    )


def stretch(start: datetime, end: datetime, time_zone: str) -> Window:
    """Any stretch of time; its name is its local beginning and end.

    Raises:
        BadInputError: it ends before it begins, or no such time zone.
    """
    zone = _zone(time_zone)
    if end <= start:
        raise BadInputError(f"a window that ends at {end.isoformat()} cannot begin at {start.isoformat()}")
    first, last = (f"{time.astimezone(zone):%Y-%m-%dT%H%M}" for time in (start, end))
    return Window(name=f"{first}--{last}", start=start, end=end, time_zone=time_zone)


def _zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a part of a name, such as Europe, is a folder
        raise BadInputError(f"no time zone {time_zone!r}; use an IANA name such as Europe/Berlin") from error


def _day(name: str) -> date:
    try:
        day = date.fromisoformat(name) if _ISO_DAY.fullmatch(name) else None
    except ValueError as error:
        raise BadInputError(f"no day {name!r}: {error}", day=name) from error
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise BadInputError(
            f"no day {name!r}: give one of the years {_FIRST_YEAR} to {_LAST_YEAR} as 2026-11-20", day=name
        )
    return day


def _monday(name: str) -> date:
    match = _ISO_WEEK.fullmatch(name)
    try:
        if match is None:
            raise ValueError("not of the form 2026-W46")
        if not _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
            raise ValueError(f"the year must be {_FIRST_YEAR} to {_LAST_YEAR}")
        return date.fromisocalendar(int(match[1]), int(match[2]), 1)
    except ValueError as error:
        raise BadInputError(f"no ISO week {name!r}: {error}", week=name) from error


def _last_monday(today: date) -> date:
    return today - timedelta(days=today.weekday() + 7)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
