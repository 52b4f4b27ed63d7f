"""Reports as one HTML file: no script, nothing fetched, opens offline."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from millrace.methods.markdown import shown
from millrace.reports.cloud import draw_cloud
from millrace.reports.document import Cloud, Document, Figure, pieces
from millrace.reports.layout import Report, document_of
from millrace.reports.svg import draw_svg, sparkline
from millrace.reports.wording import NOTHING, number

MAX_BYTES = 2_000_000
_NUMBERS = re.compile("\\[[-+\N{MINUS SIGN}.0-9]+, [-+\N{MINUS SIGN}.0-9]+\\]|\\(n = [0-9]+")
Drawings = dict[str, Markup]
_ROWS_SHOWN = (100, 50, 25, 10, 5, 0)  # of each list: fewer, while the page is too large


def to_html(report: Report) -> str:
    """A report as a page of its own, with its plots and the rows behind its numbers, under 2 MB.

    Where texts are so long or so full of signs that need escaping that the page would be larger, lists show fewer rows.
    """
    drawings: Drawings = {}
    for n_rows in _ROWS_SHOWN:
        page = document_html(document_of(report, max_rows=n_rows), drawings)
        if len(page.encode()) < MAX_BYTES:
            break
    return page


def document_html(document: Document, drawings: Drawings | None = None) -> str:
    """A document as a page; every text is escaped, and a policy in the page forbids scripts and requests.

    Args:
        drawings: of the same report, by the name of their figure, to be used again; new ones are added.
    """
    known = {} if drawings is None else drawings
    return _environment().get_template("report.html.j2").render(document=document, drawings=known)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("millrace.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: _shown(value) if type(value) is str else value,
    )
    environment.filters["svg"] = _svg
    environment.filters["cloud"] = _cloud
    environment.filters["spark"] = lambda spark: sparkline(spark.values, shown(spark.text))
    environment.filters["pieces"] = pieces
    environment.filters["number"] = number
    environment.globals["nothing"] = NOTHING
    return environment


def _shown(text: str) -> str:
    """Safe to show; a space at an end stays, as it parts the text from the next piece; intervals do not break."""
    before, after = (" " if end.isspace() else "" for end in (text[:1], text[-1:]))
    unbroken = _NUMBERS.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), shown(text))
    return f"{before}{unbroken}{after}"


def _svg(figure: Figure, drawings: Drawings) -> Markup:
    if figure.name not in drawings:
        drawings[figure.name] = draw_svg(
            figure.name,
            figure.alt,
            figure.paint,
            height_in=figure.height_in,
            n_panels=figure.n_panels,
            n_columns=figure.n_columns,
        )
    return drawings[figure.name]


def _cloud(block: Cloud) -> Markup:
    first, second = (shown(name) for name in block.names)
    return draw_cloud((first, second), block.first, block.second, shown(block.alt))
