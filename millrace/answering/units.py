"""What of a passage stays together when the passage is made shorter.

Sentences, and code blocks, tables and lists of Markdown as wholes. Found by their lines, in linear time: a full
Markdown parser takes longer than all stages that shorten passages.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from millrace.methods.text import TextSpan, sentence_spans

Kind = Literal["code", "table", "list"]
_FENCE = re.compile(r"\s*(?P<mark>`{3,}|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+\u2022]|\d{1,3}[.)])\s+\S")
_HEADING = re.compile(r"#{1,6}\s")
_FENCED = re.compile(r"`{3}|~{3}")
_LINE = re.compile(r"[^\n]+")
_INDENTS = ("    ", "\t")
_MAYBE = re.compile(r"`{3}|~{3}|^[ \t]*(?:\||[-*+\u2022]\s|\d{1,3}[.)]\s)|^(?: {4}|\t)", re.MULTILINE)


@dataclass(frozen=True)
class Region:
    """Lines that are one code block, table or list; characters of the passage, end exclusive."""

    kind: Kind
    start: int
    end: int


def compression_units(text: str) -> list[TextSpan]:
    """Pieces to keep or to leave out, in order: sentences, and code blocks, tables and lists each as one.

    A heading belongs to what follows it, and a sentence that ends in a colon to the block that follows it.

    Returns:
        Spans that do not overlap and together hold every character that is not white space; none for a blank text.
    """
    regions = [_trimmed(text, region.start, region.end) for region in find_regions(text)]
    wholes = frozenset(regions)
    units: list[TextSpan] = []
    last: TextSpan | None = None
    for unit in _split(text, regions):
        if last is not None and _leads(text, last, last in wholes, unit in wholes):
            units[-1] = TextSpan(units[-1].start, unit.end)
        else:
            units.append(unit)
        last = unit
    return units


def budget_units(text: str) -> list[TextSpan]:
    """Pieces between which a passage may end: sentences, list items and table rows; code blocks as wholes.

    Spans as those of :func:`compression_units`.
    """
    wholes: list[TextSpan] = []
    for region in find_regions(text):
        if region.kind == "table":
            wholes += _lines(text, region)
        elif region.kind == "code" or _FENCED.search(text, region.start, region.end):
            wholes.append(_trimmed(text, region.start, region.end))
    return _split(text, wholes)


def joined_units(text: str, units: Sequence[TextSpan], kept: Sequence[int]) -> str:
    """The units at the given places, in order, each after the white space that stands before it in the text."""
    pieces = []
    for place in kept:
        before = units[place - 1].end if place else 0
        pieces.append(text[before : units[place].end])
    return "".join(pieces).strip()


def find_regions(text: str) -> list[Region]:
    """Code blocks (fenced or indented), tables (lines that begin with a bar) and lists, in order."""
    return list(_scan(text)) if _MAYBE.search(text) else []


def _scan(text: str) -> Iterator[Region]:
    kind: Kind | None = None
    start = end = position = 0
    fence, blank = "", True
    for line in text.split("\n"):
        if fence:
            end = position + len(line)
            if _closes(line, fence):
                fence = ""
                if kind == "code":
                    yield Region(kind, start, end)
                    kind = None
        elif not line.strip():
            blank = True
        else:
            found = _kind(line, kind, blank)
            opening = _FENCE.match(line)
            if found != kind or (opening and found == "code"):
                if kind is not None:
                    yield Region(kind, start, end)
                kind, start = found, position
            fence = opening["mark"] if opening and found is not None else ""
            end, blank = position + len(line), False
        position += len(line) + 1
    if kind is not None:
        yield Region(kind, start, end)


def _kind(line: str, current: Kind | None, after_blank: bool) -> Kind | None:
    """What a line that is not blank belongs to; None for prose."""
    if current == "list" and line[0] in " \t":
        return "list"
    if _FENCE.match(line):
        return "code"
    if _ITEM.match(line):
        return "list"
    if line.lstrip().startswith("|"):
        return "table"
    if line.startswith(_INDENTS) and (after_blank or current == "code"):
        return "code"
    return "list" if current == "list" and not after_blank and line[0].islower() else None


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return stripped.startswith(fence) and not stripped.strip(fence[0])


def _split(text: str, wholes: Sequence[TextSpan]) -> list[TextSpan]:
    """The wholes, and the sentences between them."""
    units: list[TextSpan] = []
    position = 0
    for whole in wholes:
        units += [*_sentences(text, position, whole.start), whole]
        position = whole.end
    return units + _sentences(text, position, len(text))


def _lines(text: str, region: Region) -> Iterator[TextSpan]:
    for line in _LINE.finditer(text, region.start, region.end):
        if not line[0].isspace():
            yield _trimmed(text, line.start(), line.end())


def _sentences(text: str, start: int, end: int) -> list[TextSpan]:
    return [TextSpan(start + span.start, start + span.end) for span in sentence_spans(text[start:end])]


def _trimmed(text: str, start: int, end: int) -> TextSpan:
    piece = text[start:end]
    return TextSpan(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()))


def _leads(text: str, last: TextSpan, last_is_whole: bool, next_is_whole: bool) -> bool:
    if last_is_whole:
        return False
    heading = _HEADING.match(text, last.start) is not None
    return heading or (next_is_whole and text[last.end - 1] == ":")
