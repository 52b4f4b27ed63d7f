"""Markdown folders to documents, and a document's text to its blocks."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from millrace.errors import NotFoundError
from millrace.records.document import Document
from millrace.records.trace import SkipRow

SUFFIXES = (".md", ".mdx", ".txt")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<fields>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^title:[ \t]*(?P<title>\S.*?)[ \t]*$", re.MULTILINE)
_SILENT = ("hr", "html_comment")


@dataclass(frozen=True)
class Block:
    """A top-level block: characters ``start`` to ``end`` (exclusive) of the document's text."""

    kind: str  # markdown-it's token type without "_open": paragraph, fence, bullet_list, table ...
    start: int
    end: int
    headings: tuple[str, ...]


def read_documents(root: Path, *, tenant_id: str, user_id: str) -> tuple[list[Document], list[SkipRow]]:
    """Read every Markdown and text file under a folder, sorted by relative path.

    Hidden files, files in hidden folders and symbolic links are left out. A file that is not UTF-8, or whose name
    cannot be an identifier, becomes a skip row.

    Raises:
        NotFoundError: ``root`` is not a folder.
    """
    if not root.is_dir():
        raise NotFoundError(f"no folder {root} to read documents from", path=str(root))
    documents: list[Document] = []
    skips: list[SkipRow] = []
    for source, path in sorted((path.relative_to(root).as_posix(), path) for path in _files(root)):
        raw = path.read_bytes()
        try:
            source.encode()
            text = raw.decode("utf-8-sig")
        except UnicodeError as error:
            skips.append(_not_utf8(source, raw, error))
            continue
        documents.append(make_document(text, source=source, tenant_id=tenant_id, user_id=user_id))
    return documents, skips


def make_document(text: str, *, source: str, tenant_id: str, user_id: str) -> Document:
    """A document of one text; its id is its source, its title the front matter's, else the first heading's."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Document(
        doc_id=source,
        tenant_id=tenant_id,
        user_id=user_id,
        source=source,
        title=_title(text) or Path(source).stem,
        text=text,
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def markdown_blocks(text: str) -> list[Block]:
    """Top-level blocks in order with the headings above them; no front matter, headings, rules or comments."""
    blocks: list[Block] = []
    path: list[tuple[int, str]] = []
    for kind, start, end, token, inline in _top_level(text):
        if kind == "heading":
            level = int(token.tag[1:])
            path = [(above, title) for above, title in path if above < level]
            path.append((level, _plain(inline)))
        elif kind not in _SILENT:
            blocks.append(Block(kind, start, end, tuple(title for _, title in path)))
    return blocks


def _files(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file() and not path.is_symlink():
            yield path


def _not_utf8(source: str, raw: bytes, error: UnicodeError) -> SkipRow:
    position = error.start if isinstance(error, UnicodeDecodeError) else 0
    return SkipRow(
        source=source.encode(errors="replace").decode(),
        line=raw.count(b"\n", 0, position) + 1,
        reason="not_utf8",
        message=f"not UTF-8 at byte {position}; save the file as UTF-8",
        row_hash=hashlib.sha256(raw).hexdigest(),
    )


def _title(text: str) -> str:
    front = _FRONT_MATTER.match(text)
    named = _TITLE.search(front["fields"]) if front else None
    if named:
        return named["title"].strip("\"'")
    return next((_plain(inline) for kind, _, _, _, inline in _top_level(text) if kind == "heading"), "")


def _top_level(text: str) -> Iterator[tuple[str, int, int, Token, Token]]:
    """Kind, start, end, token and the token after it, of every top-level block."""
    front = _FRONT_MATTER.match(text)
    offset = front.end() if front else 0
    lines = list(accumulate((len(line) + 1 for line in text[offset:].split("\n")), initial=offset))
    tokens = _parser().parse(text[offset:])
    for token, following in zip(tokens, [*tokens[1:], *tokens[-1:]], strict=True):
        if token.level or token.map is None or token.nesting < 0:
            continue
        start, end = _trimmed(text, lines[token.map[0]], min(lines[token.map[1]], len(text)))
        kind = token.type.removesuffix("_open")
        if kind == "html_block" and text.startswith("<!--", start) and text.endswith("-->", start, end):
            kind = "html_comment"
        if start < end:
            yield kind, start, end, token, following


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without blank lines before, and white space after; the first line keeps its indentation."""
    piece = text[start:end].rstrip()
    blank = re.match(r"(?:[^\S\n]*\n)*", piece)
    return start + (blank.end() if blank else 0), start + len(piece)


def _plain(inline: Token) -> str:
    children = inline.children or []
    return "".join(child.content for child in children if child.type in ("text", "code_inline")).strip()


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")
