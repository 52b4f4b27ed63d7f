"""Blocks of a text without markup: what its parser marked, and between the marks what blank lines separate."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from millrace.records.document import Mark

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_LEADING_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")


@dataclass(frozen=True)
class Block:
    """A top-level block: characters ``start`` to ``end`` (exclusive) of the document's text.

    ``kind`` is a mark's, or of Markdown markdown-it's token type without "_open": paragraph, fence, table ...
    """

    kind: str
    start: int
    end: int
    headings: tuple[str, ...]


class HeadingPath:
    """The headings above the place that has been reached, outermost first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """A heading ends the sections of its own level and below."""
        self._open = [(above, named) for above, named in self._open if above < level]
        self._open.append((level, title))

    @property
    def titles(self) -> tuple[str, ...]:
        """Of a heading without words nothing is said."""
        return tuple(title for _, title in self._open if title)


def text_blocks(text: str, marks: Sequence[Mark] = ()) -> Iterator[Block]:
    """Blocks in order that do not overlap and, with the headings, hold every character that is not white space.

    Args:
        marks: in the order of their beginnings; where one begins inside the one before, it begins at that one's end.
    """
    path = HeadingPath()
    reached = 0
    for mark in marks:
        start = min(max(mark.start, reached), len(text))
        yield from _paragraphs(text, reached, start, path.titles)
        reached = min(max(start, mark.end), len(text))
        if mark.kind == "heading":
            path.enter(mark.level, mark.title or " ".join(text[start:reached].split()))
        else:
            yield from _block(mark.kind, text, start, reached, path.titles)
    yield from _paragraphs(text, reached, len(text), path.titles)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without blank lines before, and white space after; the first line keeps its indentation."""
    piece = text[start:end].rstrip()
    blank = _LEADING_BLANK_LINES.match(piece)
    return start + (blank.end() if blank else 0), start + len(piece)


def _paragraphs(text: str, start: int, end: int, headings: tuple[str, ...]) -> Iterator[Block]:
    for gap in _BLANK_LINES.finditer(text, start, end):
        yield from _block("paragraph", text, start, gap.start(), headings)
        start = gap.end()
    yield from _block("paragraph", text, start, end, headings)


def _block(kind: str, text: str, start: int, end: int, headings: tuple[str, ...]) -> Iterator[Block]:
    start, end = trimmed(text, start, end)
    if start < end:
        yield Block(kind, start, end, headings)
