"""The README's commands: each ``sh`` block under its mark ``<!-- test: name -->``."""

import re
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"

_BLOCK = re.compile(r"(?:<!-- test: (?P<name>[a-z-]+) -->\n)?```sh\n(?P<text>.*?)```", re.DOTALL)
_FENCED = re.compile(r"```.*?```", re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def blocks() -> list[tuple[str | None, str]]:
    """Mark and text of every ``sh`` block; None where the mark is missing."""
    return [(found["name"], found["text"]) for found in _BLOCK.finditer(README.read_text(encoding="utf-8"))]


def block(name: str) -> str:
    """The block of that mark, as a shell script."""
    return dict(blocks())[name]


def lines(name: str) -> list[str]:
    """The commands of a block, one a line."""
    return [line for line in block(name).splitlines() if line.strip()]


def in_blocks() -> list[str]:
    """The commands of all blocks."""
    return [line for _, text in blocks() for line in text.splitlines()]


def commands() -> Iterator[str]:
    """Every command of the README, in blocks and in running text."""
    yield from in_blocks()
    for span in _SPAN.findall(_FENCED.sub("", README.read_text(encoding="utf-8"))):
        if span.startswith(("millrace ", "make ", "prefect ")):
            yield span
