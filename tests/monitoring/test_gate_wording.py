"""Shares as people read them."""

import pytest

from millrace.monitoring.gate_wording import percent


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.02, "2 %"),
        (0.034, "3.4 %"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.0002, "0.02 %"),
        (-0.105, "-10.5 %"),
        (0.1, "10 %"),
    ],
)
def test_a_share_is_written_as_short_as_it_says_something(share: float, text: str) -> None:
    assert percent(share) == text
