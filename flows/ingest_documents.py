"""Makes a folder of documents searchable."""

from prefect import flow
from pydantic import Field

from blocks.names import EmbedderName
from millrace.ingestion.chunks import ChunkingConfig
from millrace.records.base import Identifier, Record
from tasks.documents import IndexSnapshot, ReadDocuments, publish_index, read_documents
from tasks.run import FlowConfig, recorded
from tasks.sources import source_ref
from tasks.tables import redaction_rules


class IngestDocumentsConfig(FlowConfig):
    """Which folder, whose it is, and how it is cut and embedded."""

    folder: str = Field(description="Folder of Markdown and text files")
    tenant: Identifier = Field("default", description="Tenant that may search the documents")
    owner: Identifier = Field("default", description="User to whom the documents belong")
    index: Identifier = Field("main", description="Name of the index")
    embedder: EmbedderName = EmbedderName()
    chunking: ChunkingConfig = ChunkingConfig()
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")


class IngestDocumentsResult(Record):
    """What was read, and the snapshot that is searched from now on."""

    read: ReadDocuments
    index: IndexSnapshot


@flow(name="ingest-documents", persist_result=True, result_serializer="json")
@recorded("ingest-documents")
def ingest_documents(config: IngestDocumentsConfig, run_id: str | None = None) -> IngestDocumentsResult:
    """Read, redact, cut, embed and publish a folder of documents."""
    read = read_documents(
        source_ref(config.folder),
        config.tenant,
        config.owner,
        redaction_rules(config.redaction_rules),
        config.chunking,
    )
    return IngestDocumentsResult(read=read, index=publish_index(config.index, read.chunks, config.embedder))
