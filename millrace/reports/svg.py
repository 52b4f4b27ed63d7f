"""Drawing with matplotlib into SVG that lives inside a page: no global state, no script, the page's own colours.

Equal inputs give equal bytes: the salt of generated ids is fixed and no date is written.
"""

import io
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN = 7.6
_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_MARGIN = 96, 24, 4  # units of the drawing; the page scales it

# Colours that no plot would pick by accident: each becomes a CSS variable of the page, with a value for when there is
# none, so that one drawing is readable on light and dark.
INK = "#010203"
FAINT = "#010204"
FIRST = "#010205"
SECOND = "#010206"
ALERT = "#010207"

_PAGE_COLOURS = {
    INK: "var(--ink, #1c2733)",
    FAINT: "var(--rule, #c8d0d9)",
    FIRST: "var(--first, #78abd0)",
    SECOND: "var(--second, #e0a85c)",
    ALERT: "var(--alert, #d0675c)",
}

_STYLE = {
    "svg.hashsalt": "millrace",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 12,
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}

# matplotlib reads its settings from one dictionary of the process, the salt even while it writes.
_ONE_AT_A_TIME = threading.Lock()

_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_TAG = re.compile(r"<[^>]*>")
_SENTINEL = re.compile("|".join(_PAGE_COLOURS))
_ID = re.compile(r'(\bid="|href="#|url\(#)')
_FONT_FAMILY = re.compile(r"font-family: [^;\"]*;? ?")
_SIZE = re.compile(r' width="[^"]*pt" height="[^"]*pt"')
_OWN_STYLE = re.compile(r"\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)


def draw_svg(
    name: str,
    alt: str,
    paint: Callable[[Sequence["Axes"]], None],
    *,
    height_in: float,
    n_panels: int = 1,
    n_columns: int = 1,
) -> Markup:
    """One plot as an ``<svg>`` element to put into HTML.

    Args:
        name: a word; ids inside the drawing begin with it, so that several fit on one page.
        alt: what the plot shows, for those who cannot see it.
        paint: draws into the axes it is given.
        height_in: of the drawing, WIDTH_IN wide; the page scales both.
        n_panels: axes that ``paint`` gets, ``n_columns`` beside each other.
    """
    from matplotlib.figure import Figure
    from matplotlib.style import context

    with _ONE_AT_A_TIME, context(["default", _STYLE]), warnings.catch_warnings():
        # Only widths are measured with matplotlib's font; the page draws the text, with fonts that have the glyph.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        n_rows = -(-n_panels // n_columns)
        paint([figure.add_subplot(n_rows, n_columns, place) for place in range(1, n_panels + 1)])
        sink = io.StringIO()
        figure.savefig(sink, format="svg", transparent=True, metadata=_NO_METADATA)
    return _for_a_page(sink.getvalue(), name, alt)


def _for_a_page(document: str, name: str, alt: str) -> Markup:
    """Without prolog, own style, fixed size, fonts and colours; the drawing keeps only what the page cannot know."""
    drawing = _OWN_STYLE.sub("", document[document.index("<svg") :], count=1)
    svg = _TAG.sub(lambda tag: _adapt(tag[0], name), _SIZE.sub("", drawing, count=1))
    label = f'<svg role="img" aria-label="{escape(alt)}" '
    # matplotlib has escaped every text it was given; what is added here is escaped or ours.
    return Markup(svg.replace("<svg ", label, 1))  # noqa: S704


def _adapt(tag: str, name: str) -> str:
    """One tag with ids of its own and the page's font and colours; the text between tags is not ours to change."""
    tag = _ID.sub(rf"\g<1>{name}-", _FONT_FAMILY.sub("", tag))
    return _SENTINEL.sub(lambda colour: _PAGE_COLOURS[colour[0]], tag)


def sparkline(values: Sequence[int], alt: str) -> Markup:
    """Counts as a line with a dot on the last one, drawn by hand: matplotlib would take 10 KB for each."""
    top = max([*values, 1])
    step = (_SPARK_WIDTH - 2 * _SPARK_MARGIN) / max(1, len(values) - 1)
    height = _SPARK_HEIGHT - 2 * _SPARK_MARGIN
    points = [
        (_SPARK_WIDTH - _SPARK_MARGIN - step * back, _SPARK_MARGIN + height * (1 - value / top))
        for back, value in zip(range(len(values) - 1, -1, -1), values, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dot = f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.6"/>' if points else ""
    return Markup(  # noqa: S704, numbers and an escaped text
        f'<svg class="spark" role="img" aria-label="{escape(alt)}" viewBox="0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}">'
        f'<polyline points="{line}"/>{dot}</svg>'
    )
