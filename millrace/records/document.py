"""Documents as they were read, and the passages cut from them (A14)."""

from pydantic import Field

from millrace.records.base import Identifier, Record, Sha256


class Document(Record):
    """A text as it was read; ``tenant_id`` and ``user_id`` may be blank here, but then no chunk of it is taken."""

    doc_id: str
    tenant_id: str
    user_id: str = Field(description="Owner of the document")
    source: str = Field(description="Path relative to the folder that was read, with forward slashes")
    title: str
    text: str = Field(description="Decoded text with line feeds as line ends; offsets of chunks refer to it")
    content_hash: Sha256 = Field(description="sha256 of the text in UTF-8")


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

    def searchable(self) -> str:
        """What is embedded: title and headings, which passages presuppose, then the text."""
        context = list(dict.fromkeys([self.title, *self.headings]))
        return "\n".join([" > ".join(context), self.text]) if any(context) else self.text
