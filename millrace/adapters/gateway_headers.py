"""What a gateway's headers say of its limits: Retry-After and x-ratelimit-*."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_LONGEST_S = 31 * 86400.0  # a larger bare number is a point in time, which no clock of ours is compared with


@dataclass(frozen=True)
class RateLimits:
    """What a reply says of the gateway's limits; None where it says nothing, or nothing that can be read."""

    retry_after_s: float | None = None
    remaining_requests: int | None = None
    reset_requests_s: float | None = None
    remaining_tokens: int | None = None
    reset_tokens_s: float | None = None


def read_rate_limits(headers: Mapping[str, str]) -> RateLimits:
    """The limits that headers tell.

    Args:
        headers: by name; the mapping finds names in any case, as httpx's does.
    """
    return RateLimits(
        retry_after_s=_retry_after_s(headers),
        remaining_requests=_count(headers.get("x-ratelimit-remaining-requests")),
        reset_requests_s=seconds_of(headers.get("x-ratelimit-reset-requests")),
        remaining_tokens=_count(headers.get("x-ratelimit-remaining-tokens")),
        reset_tokens_s=seconds_of(headers.get("x-ratelimit-reset-tokens")),
    )


def seconds_of(text: str | None) -> float | None:
    """Seconds of ``20ms``, ``1s``, ``6m0s``, ``1h2m3.5s`` or a bare number; None for anything else."""
    if text is None:
        return None
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text) if float(text) <= _LONGEST_S else None
    if not text or _PIECE.sub("", text):
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PIECE.findall(text))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    milliseconds = seconds_of(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None or (seconds := seconds_of(value)) is not None:
        return seconds if value is not None else None
    # A date is measured from the reply's own date: the two clocks need not agree.
    until, now = _date(value), _date(headers.get("date"))
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None


def _count(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\d{1,15}", text.strip()) else None
