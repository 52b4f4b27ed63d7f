"""A report as plain text in blocks: what is said, apart from how Markdown or HTML write it down.

All strings are plain text; each renderer escapes every one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Facts:
    """Names with one value each."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; the columns from ``first_number`` on hold numbers and are set to the right.

    With ``has_total`` the last row sums up the others.
    """

    kind: ClassVar[str] = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first_number: int = 1
    has_total: bool = False


@dataclass(frozen=True)
class Figure:
    """A plot, for renderers that can show it; its section says the same numbers in text.

    ``name`` is a fixed word of ours; ``paint`` draws into empty axes, ``height_in`` inches high.
    """

    kind: ClassVar[str] = "figure"
    name: str
    alt: str
    caption: str
    paint: Callable[["Axes"], None]
    height_in: float


@dataclass(frozen=True)
class Example:
    """A trace in excerpts."""

    trace_id: str
    question: str
    answer: str


@dataclass(frozen=True)
class Examples:
    """Traces that show what a heading means."""

    kind: ClassVar[str] = "examples"
    heading: str
    items: tuple[Example, ...]


Block = Paragraph | Facts | Table | Figure | Examples


@dataclass(frozen=True)
class Section:
    """A headed part; the anchor is a fixed word of ours, never text from a trace."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class KeyFigure:
    """One of the few numbers at the top."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    key_figures: tuple[KeyFigure, ...]
    sections: tuple[Section, ...]
