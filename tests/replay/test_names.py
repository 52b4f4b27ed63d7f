"""Files, addresses and ids in texts, and which of them an answer made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.replay.names import made_up, named_things


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("Edit config.yaml, then run it.", ["config.yaml"]),
        ("See src/mill/pump.py:12 and `README.md`.", ["src/mill/pump.py", "README.md"]),
        ("Look into /etc/hosts and /var/log/mill.log.", ["/var/log/mill.log", "/etc/hosts"]),
        (r"It is C:\mill\pump.ini.", [r"C:\mill\pump.ini"]),
        ("Ticket MILL-123 and MILL-7.", ["MILL-123"]),
        ("Read https://mill.example/a/b.html.", ["https://mill.example/a/b.html"]),
        ("Commit 0123456789abcdef fixed it.", ["0123456789abcdef"]),
        ("Id 123e4567-e89b-12d3-a456-426614174000.", ["123e4567-e89b-12d3-a456-426614174000"]),
        ("README.md, then README.md again", ["README.md"]),
        ("e.g. 3.5 units and/or 1/2, i.e. UTF-16, SHA-256, ISO-8859, 24/7, 1234567890123456, Mr. Go. Node.", []),
        ("A decade facade, deadbeef.", []),
        ("ann@mill.example writes", []),
        ("", []),
    ],
)
def test_named_things(text: str, things: list[str]) -> None:
    assert named_things(text) == things


def test_what_the_sources_name_is_not_made_up() -> None:
    sources = "We keep it in Config.YAML, see MILL-123."
    assert made_up("Open config.yaml for MILL-123 and MILL-124.", sources) == ["MILL-124"]
    assert made_up("Nothing.", "") == []


@given(st.text(max_size=200))
def test_nothing_is_made_up_of_ones_own_text(text: str) -> None:
    assert made_up(text, text) == []
