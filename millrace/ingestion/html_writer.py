"""Collects the text of a page while its elements are walked through, and marks what they were."""

import re
from dataclasses import dataclass
from typing import Literal

from millrace.records.document import Mark

_SPACES = re.compile(r"\s+")
_LEADING_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_WIDTHS = {"": 0, " ": 1, "\n": 2, "\n\n": 3}
_INVISIBLE = str.maketrans({"\0": None, "\u200b": None, "\r": None})


@dataclass
class _Open:
    """The element that is being marked; ``start`` is None before its first text."""

    element: object
    kind: Literal["heading", "code", "table"]
    level: int
    start: int | None = None


class HtmlWriter:
    """Text is collapsed as a browser would, but for code. A gap is written before the next text, never at an end.

    One element is marked at a time: what is marked inside it is not marked again.
    """

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self._pieces: list[str] = []
        self._length = 0
        self._gap = ""
        self._held = ""  # white space inside code, kept until more code follows
        self._open: _Open | None = None
        self._lists: list[int | None] = []
        self._marker = ""  # of a list's item, written before its first text
        self._n_cells = 0

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._pieces)

    @property
    def main_heading(self) -> str:
        """The first heading of level 1; empty without one."""
        first = next((mark for mark in self.marks if mark.kind == "heading" and mark.level == 1), None)
        return "" if first is None else " ".join(self.text[first.start : first.end].split())

    def write(self, data: str) -> None:
        """Text of the element that was opened last, or behind one that was closed."""
        data = data.translate(_INVISIBLE)
        if self._is_open("code"):
            self._write_code(data)
            return
        words = _SPACES.sub(" ", data)
        if words.startswith(" "):
            self._separate(" ")
        if words.strip():
            self._emit(words.strip())
            if words.endswith(" "):
                self._separate(" ")

    def begin(self, element: object, kind: Literal["heading", "code", "table"], level: int = 0) -> None:
        """Mark the text up to the element's end."""
        if self._open is None:
            self._open, self._held = _Open(element, kind, level), ""

    def end(self, element: object) -> None:
        """The element is closed; one without text leaves no mark."""
        if self._open is None or self._open.element is not element:
            return
        if self._open.start is not None:
            self.marks.append(
                Mark(kind=self._open.kind, start=self._open.start, end=self._length, level=self._open.level)
            )
        self._open, self._held = None, ""

    def break_line(self) -> None:
        """What follows begins a line; in a cell of a table, a word."""
        self._separate(" " if self._is_open("table") else "\n")

    def break_paragraph(self) -> None:
        """What follows stands after a blank line; in a list, on a line of its own."""
        self._separate(" " if self._is_open("table") else "\n" if self._lists else "\n\n")

    def break_row(self) -> None:
        """What follows is another row of a table."""
        self._n_cells = 0
        self._separate("\n")

    def begin_cell(self) -> None:
        """Cells of a table of data stand in one line, an empty one between two bars."""
        self._n_cells += 1
        if not self._is_open("table"):
            self._separate("\n")
        elif self._n_cells > 1:
            self._separate(" ")
            self._emit("|")
            self._separate(" ")

    def begin_list(self, *, numbered: bool) -> None:
        """Items up to the list's end get a mark or a number."""
        self._lists.append(0 if numbered else None)

    def end_list(self) -> None:
        """Back to the list around it."""
        if self._lists:
            self._lists.pop()

    def begin_item(self) -> None:
        """An item gets its mark; outside a list it is a plain line."""
        if not self._lists or self._open is not None:
            return
        number = self._lists[-1]
        if number is not None:
            self._lists[-1] = number = number + 1
        self._marker = "- " if number is None else f"{number}. "

    def end_item(self) -> None:
        """An item without text has no mark either."""
        self._marker = ""

    def _is_open(self, kind: str) -> bool:
        return self._open is not None and self._open.kind == kind

    def _write_code(self, data: str) -> None:
        code = self._held + data
        if self._open is not None and self._open.start is None:
            code = _LEADING_BLANK_LINES.sub("", code)
        body = code.rstrip()
        if body:
            self._emit(body)
        self._held = code[len(body) :]

    def _separate(self, gap: str) -> None:
        """The widest of the gaps asked for stands before the next text; none stands at the beginning."""
        if self._is_open("code"):
            self._held += "\n" if "\n" in gap and "\n" not in self._held else ""
        elif self._length and not self._marker and _WIDTHS[gap] > _WIDTHS[self._gap]:
            self._gap = gap

    def _emit(self, text: str) -> None:
        lead = self._gap + self._marker
        start = self._length + len(lead)
        if self._open is not None and self._open.start is None:
            self._open.start = start
        self._pieces += (lead, text)
        self._length = start + len(text)
        self._gap = self._marker = ""
