"""Reports as one HTML file: no script, nothing fetched, opens offline."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from millrace.records.report import WeeklyReport
from millrace.reports.document import Document, Figure, pieces
from millrace.reports.sections import weekly_document
from millrace.reports.svg import draw_svg, sparkline
from millrace.reports.wording import number, shown

MAX_BYTES = 2_000_000
_NUMBERS = re.compile("\\[[-+\N{MINUS SIGN}.0-9]+, [-+\N{MINUS SIGN}.0-9]+\\]|\\(n = [0-9]+")
_ROWS_SHOWN = (100, 50, 25, 10, 5, 0)  # of each list: fewer, while the page is too large


def to_html(report: WeeklyReport) -> str:
    """The weekly report as a page of its own, with its plots and the rows behind its numbers, under 2 MB.

    Where texts are so long or so full of signs that need escaping that the page would be larger, lists show fewer rows.
    """
    for n_rows in _ROWS_SHOWN:
        page = document_html(weekly_document(report, max_rows=n_rows))
        if len(page.encode()) < MAX_BYTES:
            break
    return page


def document_html(document: Document) -> str:
    """A document as a page; every text is escaped, and a policy in the page forbids scripts and requests."""
    return _environment().get_template("report.html.j2").render(document=document)


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
    environment.filters["spark"] = lambda spark: sparkline(spark.values, shown(spark.text))
    environment.filters["pieces"] = pieces
    environment.filters["number"] = number
    return environment


def _shown(text: str) -> str:
    """Safe to show; a space at an end stays, as it parts the text from the next piece; intervals do not break."""
    before, after = (" " if end.isspace() else "" for end in (text[:1], text[-1:]))
    unbroken = _NUMBERS.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), shown(text))
    return f"{before}{unbroken}{after}"


def _svg(figure: Figure) -> Markup:
    return draw_svg(
        figure.name,
        figure.alt,
        figure.paint,
        height_in=figure.height_in,
        n_panels=figure.n_panels,
        n_columns=figure.n_columns,
    )
