import httpx
import pytest

from millrace.adapters.gateway_headers import RateLimits, read_rate_limits, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.020),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),  # 3600 + 120 + 3.5
        ("12", 12.0),
        ("0.5", 0.5),
        ("1d", 86400.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("5 s", None),
        ("-3", None),
        ("1767614400", None),  # seconds since 1970: a point in time, not a wait
    ],
)
def test_a_wait_is_read_in_every_form_that_gateways_write(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Mon, 05 Jan 2026 12:00:30 GMT", "date": "Mon, 05 Jan 2026 12:00:10 GMT"}, 20.0),
        ({"retry-after": "Mon, 05 Jan 2026 12:00:00 GMT", "date": "Mon, 05 Jan 2026 12:00:10 GMT"}, 0.0),
        ({"retry-after": "Mon, 05 Jan 2026 12:00:30 GMT"}, None),  # no date to measure from
        ({"retry-after": "whenever"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_milliseconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert read_rate_limits(httpx.Headers(headers)).retry_after_s == seconds


def test_what_remains_and_when_it_is_reset_is_read_in_any_case_of_the_names() -> None:
    headers = httpx.Headers(
        {
            "X-RateLimit-Remaining-Requests": "59",
            "X-RateLimit-Reset-Requests": "1s",
            "X-RateLimit-Remaining-Tokens": "0",
            "X-RateLimit-Reset-Tokens": "6m0s",
        }
    )
    assert read_rate_limits(headers) == RateLimits(None, 59, 1.0, 0, 360.0)


def test_what_cannot_be_read_counts_as_not_said() -> None:
    headers = httpx.Headers({"x-ratelimit-remaining-requests": "many", "x-ratelimit-reset-tokens": "2026-01-05"})
    assert read_rate_limits(headers) == RateLimits()
