"""Markdown: a file's title, and a text's blocks with the headings above them."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from millrace.ingestion.blocks import Block, HeadingPath, trimmed
from millrace.ingestion.extracted import Extracted, Owner, decoded, document_of
from millrace.records.document import Document

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<fields>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^title:(?P<title>.*)$", re.MULTILINE)
_SILENT = ("hr", "html_comment")


class _TopLevel(NamedTuple):
    """A top-level block; ``level`` and ``title`` are a heading's, otherwise 0 and empty."""

    kind: str
    start: int
    end: int
    level: int
    title: str


def read_markdown(raw: bytes) -> Extracted:
    """The text as it is; its title is the front matter's, else the first heading's.

    Raises:
        BadInputError: reason ``not_utf8``.
    """
    text = decoded(raw)
    return Extracted(text, _title(text), "markdown")


def make_document(text: str, *, source: str, tenant_id: str, user_id: str) -> Document:
    """A Markdown document of one text, named by its source."""
    return document_of(read_markdown(text.encode()), source=source, owner=Owner(tenant_id, user_id, {}))


def markdown_blocks(text: str) -> Iterator[Block]:
    """Top-level blocks in order with the headings above them; no front matter, headings, rules or comments."""
    path = HeadingPath()
    for block in _top_level(text):
        if block.kind == "heading":
            path.enter(block.level, block.title)
        elif block.kind not in _SILENT:
            yield Block(block.kind, block.start, block.end, path.titles)


def _title(text: str) -> str:
    front = _FRONT_MATTER.match(text)
    named = _TITLE.search(front["fields"]) if front else None
    if named and (title := named["title"].strip().strip("\"'")):
        return title
    return next((block.title for block in _top_level(text) if block.kind == "heading"), "")


@lru_cache(maxsize=4)  # a document's title and its blocks are asked for one after the other
def _top_level(text: str) -> tuple[_TopLevel, ...]:
    front = _FRONT_MATTER.match(text)
    offset = front.end() if front else 0
    lines = list(accumulate((len(line) + 1 for line in text[offset:].split("\n")), initial=offset))
    references: dict[str, Any] = {}  # link targets, which headings may name
    return tuple(_blocks(text, lines, _block_parser().parse(text[offset:], references), references))


def _blocks(text: str, lines: list[int], tokens: list[Token], references: dict[str, Any]) -> Iterator[_TopLevel]:
    """Blocks from tokens; ``lines`` are the offsets at which the parsed lines begin."""
    for token, following in zip(tokens, [*tokens[1:], *tokens[-1:]], strict=True):
        if token.level or token.map is None or token.nesting < 0:
            continue
        start, end = trimmed(text, lines[token.map[0]], min(lines[token.map[1]], len(text)))
        kind = token.type.removesuffix("_open")
        if kind == "html_block" and text.startswith("<!--", start) and text.endswith("-->", start, end):
            kind = "html_comment"
        if start < end:
            level = int(token.tag[1:]) if kind == "heading" else 0
            yield _TopLevel(kind, start, end, level, _plain(following.content, references) if level else "")


def _plain(heading: str, references: dict[str, Any]) -> str:
    """A heading's words without emphasis, links and code marks."""
    children = _inline_parser().parseInline(heading, references)[0].children or []
    return "".join(child.content for child in children if child.type in ("text", "code_inline")).strip()


@cache
def _block_parser() -> MarkdownIt:
    """Leaves out what is inside the blocks, which takes as long again and is needed of headings only."""
    return MarkdownIt("commonmark").enable("table").disable("inline")


@cache
def _inline_parser() -> MarkdownIt:
    return MarkdownIt("commonmark")
