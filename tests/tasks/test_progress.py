"""Progress is said every two seconds, not at every step."""

import logging

import pytest

from tasks import progress
from tasks.progress import Progress


def test_the_count_is_logged_when_two_seconds_have_passed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    monkeypatch.setattr(logging.getLogger("millrace"), "propagate", True)
    counted = Progress("embedding chunks", total=50)
    with caplog.at_level(logging.INFO, logger="millrace"):
        for second in range(1, 6):
            now[0] = float(second)
            counted.advance(10)
    assert [record.getMessage() for record in caplog.records] == [
        "embedding chunks: 20 of 50",
        "embedding chunks: 40 of 50",
    ]
