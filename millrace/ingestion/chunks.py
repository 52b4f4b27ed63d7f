"""Documents to passages of about equal length that end where sentences end."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby

from pydantic import BaseModel, ConfigDict, Field

from millrace.datasets.canonical import sha256_json
from millrace.ingestion.blocks import Block, text_blocks
from millrace.ingestion.markdown import markdown_blocks
from millrace.methods.text import sentence_spans
from millrace.records.document import Chunk, Document
from millrace.records.trace import SkipRow

_REQUIRED = ("doc_id", "tenant_id", "user_id")
_CODE = ("fence", "code_block", "code")
_LONGEST_TITLE = 256  # characters; titles and headings are repeated in every chunk
Span = tuple[int, int]


class ChunkingConfig(BaseModel):
    """How long passages are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_characters: int = Field(900, ge=100, le=8000, description="Passages are filled up to this length")
    max_characters: int = Field(1800, ge=200, le=16000, description="A code block up to this length is kept whole")


def chunk_documents(documents: Iterable[Document], config: ChunkingConfig) -> tuple[list[Chunk], list[SkipRow]]:
    """Chunks of all documents in their order; a chunk without document, tenant or owner is a skip row with the reason.

    Chunks of a document do not overlap and together hold every block but headings, rules, comments and front matter.
    """
    chunks: list[Chunk] = []
    skips: list[SkipRow] = []
    for document in documents:
        reason = reject_reason(document)
        for position, (headings, start, end) in enumerate(_passages(document, config)):
            if reason is None:
                chunks.append(_chunk(document, headings, start, end, position))
            else:
                skips.append(_rejected(document, start, end, reason))
    return chunks, skips


def document_blocks(document: Document) -> Iterator[Block]:
    """What a document consists of, by its markup: blocks in order, without the headings above them."""
    if document.markup == "markdown":
        return markdown_blocks(document.text)
    return text_blocks(document.text, document.marks)


def reject_reason(document: Document) -> str | None:
    """``missing_doc_id``, ``missing_tenant_id`` or ``missing_user_id`` for what is blank; None when all are there."""
    return next((f"missing_{name}" for name in _REQUIRED if not getattr(document, name).strip()), None)


def _chunk(document: Document, headings: tuple[str, ...], start: int, end: int, position: int) -> Chunk:
    text = document.text[start:end]
    return Chunk(
        chunk_id=sha256_json([document.tenant_id, document.doc_id, start, end, text])[:32],
        doc_id=document.doc_id,
        tenant_id=document.tenant_id,
        user_id=document.user_id,
        title=document.title[:_LONGEST_TITLE],
        headings=[heading[:_LONGEST_TITLE] for heading in headings],
        text=text,
        start=start,
        end=end,
        position=position,
        metadata=document.metadata,
    )


def _rejected(document: Document, start: int, end: int, reason: str) -> SkipRow:
    return SkipRow(
        source=document.source,
        line=document.text.count("\n", 0, start) + 1,
        reason=reason,
        message=f"the chunk has no {reason.removeprefix('missing_')}; name it when the documents are read",
        row_hash=hashlib.sha256(document.text[start:end].encode()).hexdigest(),
    )


def _passages(document: Document, config: ChunkingConfig) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Headings, start and end of every passage; none reaches over a heading."""
    for headings, section in groupby(document_blocks(document), key=lambda block: block.headings):
        units = [unit for block in section for unit in _units(document.text, block, config)]
        for start, end in _packed(units, config.target_characters):
            yield headings, start, end


def _packed(units: list[Span], target: int) -> Iterator[Span]:
    """Neighbouring units joined while they fit."""
    start, end = -1, -1
    for unit_start, unit_end in units:
        if start >= 0 and unit_end - start > target:
            yield start, end
            start = unit_start
        start, end = (unit_start if start < 0 else start), unit_end
    if start >= 0:
        yield start, end


def _units(text: str, block: Block, config: ChunkingConfig) -> Iterator[Span]:
    """What may not be cut: the block where it fits, otherwise its sentences, or its lines if it is code."""
    fits = config.max_characters if block.kind in _CODE else config.target_characters
    if block.end - block.start <= fits:
        yield block.start, block.end
        return
    parts = _line_spans if block.kind in _CODE or block.kind == "table" else _sentence_spans
    for start, end in parts(text, block):
        yield from _cut(text, start, end, config.target_characters)


def _sentence_spans(text: str, block: Block) -> Iterator[Span]:
    for span in sentence_spans(text[block.start : block.end]):
        yield block.start + span.start, block.start + span.end


def _line_spans(text: str, block: Block) -> Iterator[Span]:
    start = block.start
    for line in text[block.start : block.end].split("\n"):
        if line.strip():
            yield start, start + len(line.rstrip())
        start += len(line) + 1


def _cut(text: str, start: int, end: int, target: int) -> Iterator[Span]:
    """A unit longer than the target, at the last space before it; through a word only where there is no space."""
    while end - start > target:
        space = max(text.rfind(" ", start + 1, start + target), text.rfind("\n", start + 1, start + target))
        stop = space if text[start : max(space, start)].strip() else start + target
        yield start, stop
        start = stop + (len(text[stop:end]) - len(text[stop:end].lstrip()))
    if start < end:
        yield start, end
