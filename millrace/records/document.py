"""Documents as they were read, and the passages cut from them (A14)."""

from typing import Annotated, Literal

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256

Markup = Literal["markdown", "text"]


class MetadataField(Record):
    """One fact about a document, as text; retrieval can filter by it."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(max_length=1024)]


Metadata = Annotated[list[MetadataField], Field(max_length=32, description="By name, each name once")]


class Mark(Record):
    """What a parser knew of characters ``start`` to ``end`` (exclusive) of a text without markup of its own."""

    kind: Literal["heading", "code", "table"]
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    level: int = Field(0, ge=0, le=6, description="Of a heading, 1 the outermost; otherwise 0")
    title: str = Field("", description="What a heading is called when it is not in the text, such as a page's number")


class Document(Record):
    """A text as it was read; ``tenant_id`` and ``user_id`` may be blank here, but then no chunk of it is taken."""

    doc_id: str
    tenant_id: str
    user_id: str = Field(description="Owner of the document")
    source: str = Field(description="Path relative to the folder that was read, with forward slashes")
    title: str
    text: str = Field(description="Text with line feeds as line ends, of HTML and PDF as extracted; chunks refer to it")
    content_hash: Sha256 = Field(description="sha256 of the text in UTF-8")
    markup: Markup = "markdown"
    marks: list[Mark] = Field([], description="In text order; of a text without markup only")
    metadata: Metadata = []


class Chunk(Record):
    """A passage of a document: characters ``start`` to ``end`` (exclusive) of the document's text."""

    chunk_id: Identifier
    doc_id: Identifier
    tenant_id: Identifier
    user_id: Identifier
    title: str
    headings: list[str] = Field(description="Headings above the passage, outermost first")
    text: str = Field(min_length=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    position: int = Field(ge=0, description="Place among the document's chunks")
    metadata: Metadata = []

    def searchable(self) -> str:
        """What is embedded: title and headings, which passages presuppose, then the text."""
        context = list(dict.fromkeys([self.title, *self.headings]))
        return "\n".join([" > ".join(context), self.text]) if any(context) else self.text


class ChunkVector(Record):
    """The vector of a chunk, and the hash of the text it was computed from."""

    chunk_id: Identifier
    text_hash: Sha256 = Field(description="sha256 of the searchable text in UTF-8")
    vector: list[float] = Field(description="Single precision numbers, of norm 1; all 0 for a text without tokens")


class IngestionChanges(Record):
    """What differs from the documents that the index was built from before; all is new where there was no index."""

    n_documents: int = Field(ge=0)
    n_new: int = Field(ge=0)
    n_changed: int = Field(ge=0, description="Other text, title or metadata under the same document id")
    n_unchanged: int = Field(ge=0)
    n_removed: int = Field(ge=0)
    removed: list[str] = Field([], max_length=20, description="The first removed document ids in alphabetical order")
    n_chunks: int = Field(ge=0)
    n_chunks_embedded: int = Field(ge=0, description="Their text was not in the index before")
    n_chunks_reused: int = Field(ge=0, description="Took the vector of the same text from the index before")
    n_chunks_removed: int = Field(ge=0, description="Were in the index before and are not any more")

    def summary(self) -> str:
        """The counts in a line."""
        return (
            f"{self.n_documents} documents: {self.n_new} new, {self.n_changed} changed, {self.n_unchanged} unchanged, "
            f"{self.n_removed} removed; {self.n_chunks} chunks: {self.n_chunks_embedded} embedded, "
            f"{self.n_chunks_reused} reused, {self.n_chunks_removed} removed"
        )
