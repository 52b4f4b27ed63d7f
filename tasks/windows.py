"""Which stretch of time a run works on, by its settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from millrace.errors import BadInputError
from millrace.records.window import Window, calendar_day, iso_week, stretch


def window_of(settings: Mapping[str, Any], now: datetime) -> Window:
    """The window of a flow's settings as JSON: a week, a day, or from ``start`` to ``end``; by default the last one.

    Raises:
        BadInputError: no such window, or both a day and a stretch.
    """
    if "week" in settings:
        return iso_week(settings["week"], settings["time_zone"], now)
    start, end = settings["start"], settings["end"]
    if start is None and end is None:
        return calendar_day(settings["day"], settings["time_zone"], now)
    if start is None or end is None or settings["day"] is not None:
        raise BadInputError("give a day, or start and end; neither means yesterday")
    return stretch(_time(start), _time(end), settings["time_zone"])


def _time(text: str | datetime) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)
