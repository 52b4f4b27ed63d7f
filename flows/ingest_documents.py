"""Makes a folder of documents searchable."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from blocks.names import EmbedderName, VectorIndexName
from millrace.ingestion.chunks import ChunkingConfig
from millrace.records.base import Identifier, Record
from millrace.records.document import IngestionChanges
from tasks.documents import (
    EarlierVectors,
    IndexSnapshot,
    Ingestion,
    ReadDocuments,
    embed_chunks,
    measure_changes,
    publish_index,
    read_documents,
    read_last_ingestion,
    remember_ingestion,
)
from tasks.run import FlowConfig, log, recorded
from tasks.sources import source_ref
from tasks.tables import redaction_rules


class IngestDocumentsConfig(FlowConfig):
    """Which folder, whose it is, and how it is cut and embedded."""

    folder: str = Field(description="Folder of Markdown, HTML, PDF, text and JSONL files, or one such file")
    tenant: Identifier = Field("default", description="Tenant that may search the documents that name no other")
    owner: Identifier = Field("default", description="User to whom the documents belong that name no other")
    metadata: dict[str, Annotated[str, Field(max_length=1024)]] = Field(
        {}, max_length=32, description="Noted of every document; a search can ask for it"
    )
    index: Identifier = Field("main", description="Name of the index")
    store: VectorIndexName = VectorIndexName()
    embedder: EmbedderName = EmbedderName()
    chunking: ChunkingConfig = ChunkingConfig()
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")


class IngestDocumentsResult(Record):
    """What was read, what of it is new, and the snapshot that is searched from now on."""

    read: ReadDocuments
    changes: IngestionChanges
    index: IndexSnapshot


@flow(name="ingest-documents", persist_result=True, result_serializer="json")
@recorded("ingest-documents")
def ingest_documents(config: IngestDocumentsConfig, run_id: str | None = None) -> IngestDocumentsResult:
    """Read, redact, cut, embed and publish a folder of documents; what was embedded before is not embedded again."""
    read = read_documents(
        source_ref(config.folder),
        config.tenant,
        config.owner,
        redaction_rules(config.redaction_rules),
        config.chunking,
        config.metadata,
    )
    last = read_last_ingestion(config.index, config.embedder)
    vectors = embed_chunks(read.chunks, config.embedder, EarlierVectors(ref=last.vectors))
    ingestion = Ingestion(
        documents=read.documents, chunks=read.chunks, vectors=vectors, embedder=config.embedder.identity()
    )
    changes = measure_changes(ingestion, last)
    index = publish_index(config.index, read.chunks, vectors, config.embedder, config.store)
    remember_ingestion(config.index, ingestion)
    log().info("%s", changes.summary())
    return IngestDocumentsResult(read=read, changes=changes, index=index)
