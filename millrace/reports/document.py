"""A report as plain text in blocks: what is said, apart from how Markdown or HTML write it down.

All strings are plain text; each renderer escapes every one of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Union

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Tone = Literal["bad", "warn", "good", "quiet"]


@dataclass(frozen=True)
class Link:
    """A number or word that leads to its rows on the same page; ``to`` is an anchor, a fixed word of ours."""

    kind: ClassVar[str] = "link"
    text: str
    to: str


@dataclass(frozen=True)
class Tag:
    """A word set apart, as a failure type or a trend."""

    kind: ClassVar[str] = "tag"
    text: str
    tone: Tone = "quiet"


@dataclass(frozen=True)
class Spark:
    """A small line of counts, oldest first; ``text`` says the same."""

    kind: ClassVar[str] = "spark"
    text: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Code:
    """A command or a name to be typed as it stands."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Short:
    """A long name cut short where there is little room; ``text`` is the whole of it."""

    kind: ClassVar[str] = "short"
    short: str
    text: str


@dataclass(frozen=True)
class Strong:
    """What the eye should find first in a cell."""

    kind: ClassVar[str] = "strong"
    text: str


Piece = str | Link | Tag | Spark | Code | Short | Strong
Cell = Piece | tuple[Piece, ...]
"""What stands in a cell: one piece, or several in a row."""


def pieces(cell: Cell) -> tuple[Piece, ...]:
    """The pieces of a cell."""
    return cell if isinstance(cell, tuple) else (cell,)


def text_of(cell: Cell) -> str:
    """A cell as plain text."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces(cell))


@dataclass(frozen=True)
class Heading:
    """Heads a part of a section; ``anchor`` is a fixed word of ours."""

    kind: ClassVar[str] = "heading"
    anchor: str
    title: Cell


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more."""

    kind: ClassVar[str] = "paragraph"
    text: Cell


@dataclass(frozen=True)
class Facts:
    """Names with one value each."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; the columns from ``first_number`` on hold numbers and are set to the right.

    With ``has_total`` the last row sums up the others; ``widths`` of the columns in percent, where several tables are
    to stand below each other.
    """

    kind: ClassVar[str] = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    first_number: int = 1
    has_total: bool = False
    widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A plot, for renderers that can show it; its section says the same numbers in text.

    ``name`` is a fixed word of ours; ``paint`` draws into ``n_panels`` empty axes, ``n_columns`` beside each other;
    ``height_in`` of all of them together, inches.
    """

    kind: ClassVar[str] = "figure"
    name: str
    alt: str
    caption: str
    paint: Callable[[Sequence["Axes"]], None]
    height_in: float
    n_panels: int = 1
    n_columns: int = 1


@dataclass(frozen=True)
class Cloud:
    """Points on two axes without units, two kinds of them, for renderers that can show it.

    ``first`` lies behind ``second``; each has its name, and points of (x, y).
    """

    kind: ClassVar[str] = "cloud"
    alt: str
    caption: str
    names: tuple[str, str]
    first: tuple[tuple[float, float], ...]
    second: tuple[tuple[float, float], ...]


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
    items: tuple[Example, ...]


@dataclass(frozen=True)
class Priority:
    """Something to see to, by its place: what it is, how much it is, one case, and where to look.

    ``lead`` comes before the advice; ``tone`` sets apart what is worse than others.
    """

    kind: ClassVar[str] = "priority"
    place: int
    heading: Cell
    tags: tuple[Tag, ...]
    facts: tuple[Cell, ...]
    example: Example | None
    advice: Cell
    lead: str = "Look at"
    tone: Tone | None = None


@dataclass(frozen=True)
class Rows:
    """The first rows behind a number, for renderers that can fold them away, and the command that shows all."""

    kind: ClassVar[str] = "rows"
    anchor: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n: int
    command: str | None

    @property
    def n_more(self) -> int:
        return self.n - len(self.rows)


@dataclass(frozen=True)
class Folded:
    """Blocks under a heading that a page may fold away; it begins unfolded where it is ``open``."""

    kind: ClassVar[str] = "folded"
    anchor: str
    title: Cell
    blocks: tuple["Block", ...]
    open: bool = False


Block = Union[  # noqa: UP007, the names come later
    Heading, Paragraph, Facts, Table, Figure, Cloud, Examples, Priority, Rows, Folded
]


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
    value: Cell
    detail: str


@dataclass(frozen=True)
class Document:
    """A whole report; ``styles`` are sheets of ours that a page needs beside the common one."""

    title: str
    subtitle: str
    key_figures: tuple[KeyFigure, ...]
    sections: tuple[Section, ...]
    styles: tuple[str, ...] = ()
