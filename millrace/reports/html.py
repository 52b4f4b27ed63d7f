"""Reports as one HTML file: no script, nothing fetched, opens offline."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from millrace.records.report import WeeklyReport
from millrace.reports.document import Document, Figure
from millrace.reports.sections import weekly_document
from millrace.reports.svg import draw_svg
from millrace.reports.wording import shown


def to_html(report: WeeklyReport) -> str:
    """The weekly report as a page of its own, with its plots."""
    return document_html(weekly_document(report))


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
        finalize=lambda value: shown(value) if type(value) is str else value,
    )
    environment.filters["svg"] = _svg
    return environment


def _svg(figure: Figure) -> Markup:
    return draw_svg(figure.name, figure.alt, figure.paint, height_in=figure.height_in)
