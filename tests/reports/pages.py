"""What a browser would see of a page."""

from functools import cache
from html.parser import HTMLParser

from millrace.reports.html import to_html
from tests.support import daily_report as days

FETCHING = {"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"}
ACTIVE = {"script", "link", "iframe", "object", "img", "base", "form"}


class Page(HTMLParser):
    """Elements with attributes, ids and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]

    def links(self) -> set[str]:
        return {str(attributes["href"])[1:] for attributes in self.named("a")}


@cache
def page_of_a_day() -> str:
    """The page of a bad day, drawn once for all tests of a process."""
    return to_html(days.a_day())
