"""From documents as they are read to what is stored of them: redacted, cut, with the reasons for what is missing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa

from millrace.datasets.schema import table_of
from millrace.ingestion.chunks import ChunkingConfig, chunk_documents
from millrace.ingestion.redaction import redact_document
from millrace.methods.redaction import Redactor
from millrace.records.document import Chunk, Document
from millrace.records.trace import SkipRow


@dataclass(frozen=True)
class PassageTables:
    """Tables of ``Document``, ``Chunk`` and ``SkipRow``."""

    documents: pa.Table
    chunks: pa.Table
    skips: pa.Table


def passage_tables(
    items: Iterable[Document | SkipRow], redactor: Redactor, config: ChunkingConfig, tell: Callable[[int], None]
) -> PassageTables:
    """The documents redacted and their chunks, in order.

    Args:
        tell: is told how many items more have been worked on.
    """
    documents: list[Document] = []
    chunks: list[Chunk] = []
    skips: list[SkipRow] = []
    for item in items:
        if isinstance(item, SkipRow):
            skips.append(item)
        else:
            document = redact_document(item, redactor)
            found, rejected = chunk_documents([document], config)
            documents.append(document)
            chunks += found
            skips += rejected
        tell(1)
    return PassageTables(table_of(Document, documents), table_of(Chunk, chunks), table_of(SkipRow, skips))
