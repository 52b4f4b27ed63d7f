"""Of a page is read what its reader sees of the content; whatever the bytes, it is read or refused with a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.ingestion.chunks import ChunkingConfig, chunk_documents
from millrace.ingestion.extracted import Extracted, Owner, document_of
from millrace.ingestion.html import read_html
from millrace.records.document import Document

PAGE = """<!DOCTYPE html><html><head><title>Pumps -  the mill</title><style>p {color: red}</style></head><body>
<nav><a href="/">Home</a></nav><div role="navigation">Elsewhere</div>
<h1>Pumps<a class="headerlink" href="#">&#182;</a></h1>
<p>A <b>pump</b> lifts
   water.<br>It is tested.</p>
<script>var hidden = "<p>no</p>";</script><noscript>Switch it on.</noscript>
<h2>Parts &amp; <code>codes</code></h2>
<ul><li>one</li><li><p>two</p></li><li></li></ul><ol><li>first<li>second<ol><li>inner</ol></ol>
<pre>

  if x:

      y()
</pre>
<table><tr><th>name</th><th>bar</th></tr><tr><td>a</td><td></td></tr><tr><td><p>b</p></td><td>2</td></tr></table>
<p hidden>unseen</p><button>Press</button><footer>Imprint</footer></body></html>"""


def marked(extracted: Extracted) -> list[tuple[str, int, str]]:
    return [(mark.kind, mark.level, extracted.text[mark.start : mark.end]) for mark in extracted.marks]


def test_text_is_what_a_reader_sees_without_navigation_scripts_and_what_is_hidden() -> None:
    assert read_html(PAGE.encode()).text == (
        "Pumps\n\nA pump lifts water.\nIt is tested.\n\nParts & codes\n\n"
        "- one\n- two\n\n1. first\n2. second\n1. inner\n\n"
        "  if x:\n\n      y()\n\nname | bar\na |\nb | 2"
    )


def test_headings_code_and_tables_are_marked() -> None:
    assert marked(read_html(PAGE.encode())) == [
        ("heading", 1, "Pumps"),
        ("heading", 2, "Parts & codes"),
        ("code", 0, "  if x:\n\n      y()"),
        ("table", 0, "name | bar\na |\nb | 2"),
    ]


def test_of_a_page_with_a_main_element_that_element_is_read() -> None:
    page = b"<body><p>before</p><main><h1>T</h1><p>inside</p></main><p>after</p></body>"
    assert read_html(page).text == "T\n\ninside"


def test_a_table_that_lays_out_a_page_is_no_table_of_data() -> None:
    page = b"<table><tr><td><h2>Left</h2><p>One.</p></td><td><p>Two.</p></td></tr></table>"
    assert read_html(page).text == "Left\n\nOne.\n\nTwo."
    assert marked(read_html(page)) == [("heading", 2, "Left")]


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>Page</title><h2>Small</h2><h1> Big \n one</h1>", "Big one"),
        ("<title> Page\n two</title><p>text", "Page two"),
        ("<p>text", ""),
    ],
)
def test_the_title_is_the_first_great_headings_then_the_pages(page: str, title: str) -> None:
    assert read_html(page.encode()).title == title


def test_a_page_is_utf8_where_it_can_be_and_otherwise_what_it_declares() -> None:
    assert read_html('<meta charset="latin-1"><p>caf\u00e9'.encode()).text == "caf\u00e9"
    assert read_html('<meta charset="latin-1"><p>caf\u00e9'.encode("latin-1")).text == "caf\u00e9"
    assert read_html("<p>caf\u00e9".encode("utf-16")).text == "caf\u00e9"
    xml = '<?xml version="1.0" encoding="utf-8"?><html><body><p>caf\u00e9</p></body></html>'
    assert read_html(xml.encode()).text == "caf\u00e9"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no_text"),
        (b"<script>only()</script>", "no_text"),
        (b"<p>\xff", "not_utf8"),
        (b'<meta charset="no-such"><p>\xff', "not_utf8"),
        (b'<meta charset="base64"><p>\xff', "not_utf8"),
        (b"<div>" * 100_000 + b"deep", "too_deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_html(raw)
    assert refused.value.details["reason"] == reason


_NAMES_TEXT = "p div h1 h2 ul ol li pre table tr td th b a br main nav script style td body html title svg x:y"
_NAMES = _NAMES_TEXT.split()
_PIECES = st.one_of(
    st.sampled_from(_NAMES).map(lambda name: f"<{name}>"),
    st.sampled_from(_NAMES).map(lambda name: f"</{name}>"),
    st.sampled_from([" ", "\n", "text", "\0", "&amp;", "&#0;", "&#55296;", "<!--", "-->", "<![CDATA[", "\u00a0", "<"]),
    st.text(max_size=5),
)


def document_from(raw: bytes) -> Document | str:
    """The document, or why there is none."""
    try:
        return document_of(read_html(raw), source="a.html", owner=Owner("t", "u", {}))
    except BadInputError as error:
        return str(error.details["reason"])


def check(raw: bytes) -> None:
    """Read with sound marks and chunks that are slices, or refused with a reason."""
    document = document_from(raw)
    if isinstance(document, str):
        assert document in {"no_text", "not_utf8", "too_deep"}
        return
    assert document.text == document.text.rstrip()
    end = 0
    for mark in document.marks:
        assert end <= mark.start < mark.end <= len(document.text)
        assert not document.text[mark.end - 1].isspace()
        end = mark.end
    chunks, _ = chunk_documents([document], ChunkingConfig(target_characters=100, max_characters=200))
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=40))
def test_any_page_is_read_with_sound_marks_or_refused(pieces: list[str]) -> None:
    check("".join(pieces).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    check(raw)
