"""Documents in: passages, their vectors, and the index snapshot that answers are searched in."""

from pathlib import Path

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from blocks.vector_index import open_index_store
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of, table_of
from millrace.ingestion.chunks import ChunkingConfig, chunk_documents
from millrace.ingestion.indexing import index_points, snapshot_name
from millrace.ingestion.markdown import read_documents as read_folder
from millrace.ingestion.redaction import redact_documents
from millrace.ledger import pointers
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.base import Identifier, Record
from millrace.records.document import Chunk, Document
from millrace.records.source import SourceRef
from millrace.records.trace import SkipRow
from tasks.effect import effect
from tasks.parts import read_dataset, write_tables
from tasks.run import current_run
from tasks.stage import stage


class ReadDocuments(Record):
    """A folder's documents, their passages, and what could not be taken."""

    documents: DatasetRef
    chunks: DatasetRef
    skips: DatasetRef


class IndexSnapshot(Record):
    """A searchable index, named by the content it was built from."""

    name: Identifier
    snapshot: Identifier
    n_chunks: int
    embedder: EmbedderName


def index_pointer(name: str) -> str:
    """The ledger's pointer to an index's active snapshot."""
    return f"index/{name}"


@stage
def read_documents(
    source: SourceRef,
    tenant_id: Identifier,
    user_id: Identifier,
    redaction: list[RedactionRule],
    chunking: ChunkingConfig,
) -> ReadDocuments:
    """Read a folder of Markdown and text, redact it, and cut it into passages with offsets."""
    documents, skips = read_folder(Path(source.path), tenant_id=tenant_id, user_id=user_id)
    redacted = redact_documents(documents, Redactor(redaction))
    chunks, rejected = chunk_documents(redacted, chunking)
    refs = write_tables(
        documents=table_of(Document, redacted),
        chunks=table_of(Chunk, chunks),
        skips=table_of(SkipRow, [*skips, *rejected]),
    )
    return ReadDocuments(documents=refs[0], chunks=refs[1], skips=refs[2])


@effect
def publish_index(name: Identifier, chunks: DatasetRef, embedder: EmbedderName) -> IndexSnapshot:
    """Build the snapshot of these passages, unless it exists, and point the index to it."""
    run = current_run()
    rows = rows_of(Chunk, read_dataset(chunks).to_arrow())
    snapshot = snapshot_name(rows, embedder.identity())
    store = open_index_store(run.home.index_root)
    path = store.path(snapshot)
    if path is None or not path.exists():
        opened = open_embedder(embedder.name)
        store.build(snapshot, index_points(rows, opened), dimension=opened.dimension)
    published = IndexSnapshot(name=name, snapshot=snapshot, n_chunks=len(rows), embedder=embedder)
    pointers.set_pointer(
        run.home.ledger, index_pointer(name), published.model_dump(mode="json"), at=run.now, run_id=run.run_id
    )
    return published
