"""Markdown reports, read back by a Markdown parser."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from millrace.records.report import WeeklyReport
from millrace.reports.markdown import markdown_table, plain, to_markdown
from millrace.reports.wording import shown

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](https://evil.example)",
    "![pixel](https://evil.example/p.png)",
    "https://evil.example and www.evil.example and a@evil.example",
    "a | b | c",
    "# heading",
    "- item",
    "1. item",
    "```\ncode\n```",
    "**bold** _it_ ~~gone~~ `code`",
    "line\n\n---\n\n> quote",
    "===",
    "| --- |",
    "&lt;b&gt; &#60;b&#62;",
    "\\",
    "\\| ends with a backslash \\",
    "$x^2$ {{ 7 * 7 }} {% raw %}",
    "[ref]: https://evil.example",
    "<https://evil.example>",
]


def parsed(markdown: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return parser.parse(markdown)


def inline_tokens(markdown: str) -> list[Token]:
    return [child for token in parsed(markdown) for child in token.children or []]


def text_of(markdown: str) -> str:
    return "".join(token.content for token in inline_tokens(markdown))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_itself_in_a_paragraph(text: str) -> None:
    tokens = parsed(plain(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {token.type for token in inline_tokens(plain(text))} == {"text"}
    assert text_of(plain(text)) == shown(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_table_cell(text: str) -> None:
    cells = [token for token in parsed(markdown_table(("a", "b"), [(text, "end")], 1)) if token.type == "inline"]
    assert len(cells) == 4
    assert "".join(child.content for child in cells[2].children or []) == shown(text)


@given(st.text(min_size=1, max_size=60))
def test_any_text_reads_back_as_itself(text: str) -> None:
    assert text_of(f"x {plain(text)}") == f"x {shown(text)}".rstrip()


def test_no_bare_address_is_left_for_automatic_links() -> None:
    # GitHub's extension links 'http://', 'www.' and 'a@b' as they stand in the source.
    written = plain("see https://evil.example, WWW.evil.example, ftp://evil, mailto:x@evil.example")
    for trigger in ("https:", "ftp:", "WWW.", "mailto:", "x@"):
        assert trigger not in written


def test_a_report_holds_no_html_link_or_image_whatever_the_traces_say(make: SimpleNamespace) -> None:
    text = "\n".join(HOSTILE)
    report = make.week(
        traces=[make.trace(number, question=text, answer=text, tenant_id=text[:200]) for number in range(10)],
        groups=[make.group("g", 2, ["t6", "t7"], label=text, tenants=[text[:200]])],
    )
    markdown = to_markdown(report)
    kinds = {token.type for token in parsed(markdown)} | {token.type for token in inline_tokens(markdown)}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "fence", "code_block", "code_inline", "hr"}


def test_the_report_says_its_numbers(week: WeeklyReport) -> None:
    text = text_of(to_markdown(week))
    for said in (
        "Weekly report 2026-W47",
        "run-1",
        "Europe/Vienna",
        "extractive (a bundled default; stands in for a language model",
        "0.22 [0.06, 0.55] (n = 9, 1 failed)",
        "1.0.0 → 1.1.0",
        "3 (near duplicate 2, invalid 1)",
        "1 annotation task waits for an answer.",
        "Maria",
        "No human ratings came with the traces",
    ):
        assert said in text


def test_a_waiting_run_says_that_nothing_was_published(make: SimpleNamespace) -> None:
    assert "waits for its approval" in to_markdown(make.report())


def test_nothing_undefined_is_written_as_nan(make: SimpleNamespace) -> None:
    text = to_markdown(make.report()).lower()
    assert "nan" not in text.replace("tenant", "")
    assert "not defined: no items" in text
