"""HTML pages: what a reader sees of the content, with headings, code and tables marked."""

import codecs
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from millrace.errors import BadInputError
from millrace.ingestion.extracted import Extracted, decoded
from millrace.ingestion.html_writer import HtmlWriter

_SILENT_TEXT = """
head script style noscript template svg canvas iframe object audio video nav footer button select textarea datalist
dialog map
"""
_SILENT_ROLES_TEXT = "navigation banner contentinfo search menu menubar toolbar dialog"
_PARAGRAPHS_TEXT = """
address article aside blockquote body caption details div dl fieldset figcaption figure form header hr main ol p pre
section summary table tbody tfoot thead ul
"""
_SILENT = frozenset(_SILENT_TEXT.split())
_SILENT_ROLES = frozenset(_SILENT_ROLES_TEXT.split())
_PARAGRAPHS = frozenset(_PARAGRAPHS_TEXT.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LINES = frozenset(("br", "dd", "dt", "li"))
_NO_DATA = ("table", "pre", *_HEADINGS)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_META_BYTES = 4096  # browsers look for the encoding in the first 1024


def read_html(raw: bytes) -> Extracted:
    """The page's text; of a page with a ``main`` element, that element's alone.

    Scripts, styles, navigation, footers, form controls and hidden elements are left out. White space is collapsed as a
    browser would, blocks are separated by blank lines; code keeps its lines, cells of a row are separated by " | ".
    The title is that of the first ``h1``, else of the page.

    Raises:
        BadInputError: reason ``not_utf8`` (nor the declared encoding), ``too_deep`` or ``no_text``.
    """
    root = _parsed(_decoded(raw))
    main = None if root is None else next(_mains(root), root)
    writer = HtmlWriter()
    if main is not None:
        _write(main, writer)
    if root is None or not writer.text:
        raise BadInputError("the page has no text", reason="no_text")
    page_title = " ".join("".join(root.xpath("string(.//head/title)")).split())
    return Extracted(writer.text, writer.main_heading or page_title, "text", tuple(writer.marks))


def _decoded(raw: bytes) -> str:
    """UTF-8 where the bytes are that, whatever the page says; otherwise what it declares."""
    try:
        return decoded(raw)
    except BadInputError:
        declared = _CHARSET.search(raw[:_META_BYTES])
        encoding = declared[1].decode() if declared else "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        if not _is_text_encoding(encoding):
            raise
        return decoded(raw, encoding)


def _is_text_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def _parsed(text: str) -> Any:
    """The root element; None for a page without one.

    Raises:
        BadInputError: nested more deeply than the parser follows.
    """
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, no_network=True)
    try:
        root = etree.fromstring(text.encode(errors="replace"), parser)
    except etree.XMLSyntaxError:
        return None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise BadInputError("elements are nested more deeply than the parser follows", reason="too_deep")
    return root


def _mains(root: Any) -> Iterator[Any]:
    return (element for element in root.iter("main", "div", "article") if _role(element) == "main")


def _role(element: Any) -> str:
    return "main" if element.tag == "main" else str(element.get("role", "")).strip().lower()


def _is_silent(element: Any) -> bool:
    hidden = element.get("hidden") is not None or element.get("aria-hidden") == "true"
    permalink = element.tag == "a" and "headerlink" in (element.get("class") or "").split()
    return hidden or permalink or element.tag in _SILENT or _role(element) in _SILENT_ROLES


def _write(main: Any, writer: HtmlWriter) -> None:
    """Depth first, without recursion: pages may be nested deeply."""
    walker = etree.iterwalk(main, events=("start", "end"))
    silent = None
    for event, element in walker:
        if event == "start":
            if element is not main and _is_silent(element):
                silent = element
                walker.skip_subtree()
            else:
                _open(element, writer)
                writer.write(element.text or "")
        else:
            if element is not silent:
                _close(element, writer)
            silent = None
            if element is not main:
                writer.write(element.tail or "")


def _open(element: Any, writer: HtmlWriter) -> None:
    tag = element.tag
    _separate(tag, writer)
    if tag in _HEADINGS:
        writer.begin(element, "heading", _HEADINGS[tag])
    elif tag == "pre":
        writer.begin(element, "code")
    elif tag == "table" and next(element.iterdescendants(*_NO_DATA), None) is None:
        writer.begin(element, "table")
    elif tag in ("td", "th"):
        writer.begin_cell()
    elif tag in ("ol", "ul"):
        writer.begin_list(numbered=tag == "ol")
    elif tag == "li":
        writer.begin_item()


def _close(element: Any, writer: HtmlWriter) -> None:
    writer.end(element)
    if element.tag in ("ol", "ul"):
        writer.end_list()
    elif element.tag == "li":
        writer.end_item()
    _separate(element.tag, writer)


def _separate(tag: str, writer: HtmlWriter) -> None:
    if tag == "tr":
        writer.break_row()
    elif tag in _LINES:
        writer.break_line()
    elif tag in _PARAGRAPHS or tag in _HEADINGS:
        writer.break_paragraph()
