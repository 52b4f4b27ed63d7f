"""Documents in: passages, their vectors, and the index snapshot that answers are searched in."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydantic import Field

from blocks.embedder import open_embedder
from blocks.names import BlockName, EmbedderName, VectorIndexName
from blocks.vector_index import open_index_store
from millrace.adapters.numeric_profile import numeric_profile
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of
from millrace.ingestion.changes import Ingested, compare_ingestions
from millrace.ingestion.chunks import ChunkingConfig
from millrace.ingestion.document_batches import ReadBatch, document_batches
from millrace.ingestion.document_files import find_files
from millrace.ingestion.extracted import Owner
from millrace.ingestion.indexing import index_points, snapshot_name
from millrace.ingestion.passages import passage_tables
from millrace.ingestion.vectors import KnownVectors, embed_part, vectors_of
from millrace.ledger import pointers
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.base import Identifier, Record
from millrace.records.document import Chunk, IngestionChanges
from millrace.records.source import SourceRef
from tasks.effect import effect
from tasks.parts import Tables, map_parts, read_dataset, write_parts
from tasks.progress import Progress
from tasks.run import current_run, log
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
    store: VectorIndexName = VectorIndexName()


class Ingestion(Record):
    """What an index was built from; None where there was no index, or what this home does not hold any more."""

    documents: DatasetRef | None = None
    chunks: DatasetRef | None = None
    vectors: DatasetRef | None = None
    embedder: str | None = Field(None, description="Identity of what the vectors were computed with")


class EarlierVectors(BlockName):
    """Vectors that need not be computed again. They save work and decide no value, so no key holds them.

    Nor do receipts: what is computed again for verification is computed without them.
    """

    name: Identifier = "earlier vectors"
    ref: DatasetRef | None = Field(None, exclude=True)

    def identity(self) -> str:
        return self.name


def index_pointer(name: str) -> str:
    """The ledger's pointer to an index's active snapshot."""
    return f"index/{name}"


def ingestion_pointer(name: str) -> str:
    """The ledger's pointer to what an index was built from."""
    return f"ingestion/{name}"


@stage
def read_documents(
    source: SourceRef,
    tenant_id: Identifier,
    user_id: Identifier,
    redaction: list[RedactionRule],
    chunking: ChunkingConfig,
    metadata: dict[str, str],
) -> ReadDocuments:
    """Read a folder of documents, redact them, and cut them into passages with offsets."""
    files = find_files(Path(source.path))
    tell = Progress(f"reading documents of {len(files)} files").advance
    tables = partial(_read_batch, redactor=Redactor(redaction), chunking=chunking, tell=tell)
    jobs = (partial(tables, batch) for batch in document_batches(files, Owner(tenant_id, user_id, metadata)))
    parts = write_parts(jobs, ["documents", "chunks", "skips"])
    return ReadDocuments(documents=parts["documents"], chunks=parts["chunks"], skips=parts["skips"])


@effect
def read_last_ingestion(name: Identifier, embedder: EmbedderName) -> Ingestion:
    """What the index was built from before, as far as this home still holds it.

    Vectors of another embedder or numeric profile are left out: they would not be what is computed now.
    """
    run = current_run()
    pointer = pointers.pointer(run.home.ledger, ingestion_pointer(name))
    if pointer is None:
        return Ingestion()
    last = Ingestion.model_validate(pointer.value)
    usable = last.embedder == embedder.identity() and _has_this_profile(last.vectors)
    return Ingestion(
        documents=_held(last.documents),
        chunks=_held(last.chunks),
        vectors=_held(last.vectors) if usable else None,
        embedder=last.embedder,
    )


@stage
def embed_chunks(chunks: DatasetRef, embedder: EmbedderName, earlier: EarlierVectors) -> DatasetRef:
    """One vector a chunk, in order; a text whose vector is among the earlier ones is not embedded again."""
    progress = Progress("embedding chunks", total=chunks.rows)
    function = partial(
        embed_part,
        embedder=partial(open_embedder, embedder.name),
        known=None if earlier.ref is None else KnownVectors(read_dataset(earlier.ref)),
        tell=progress.advance,
    )
    return map_parts(chunks, function, kind="chunk_vectors")


@stage
def measure_changes(now: Ingestion, before: Ingestion) -> IngestionChanges:
    """Which documents are new, changed, unchanged or gone, and how many chunks were embedded for them."""
    return compare_ingestions(_opened(now), _opened(before))


@effect
def publish_index(
    name: Identifier,
    chunks: DatasetRef,
    vectors: DatasetRef,
    embedder: EmbedderName,
    store: VectorIndexName,
) -> IndexSnapshot:
    """Build the snapshot of these passages, unless it exists, and point the index to it."""
    run = current_run()
    rows = rows_of(Chunk, read_dataset(chunks).to_arrow())
    snapshot = snapshot_name(rows, embedder.identity())
    snapshots = open_index_store(run.home.index_root, store.name)
    if not snapshots.exists(snapshot):
        log().info("building the index of %d chunks", len(rows))
        found = vectors_of(read_dataset(vectors).to_arrow())
        dimension = found.shape[1] if rows else open_embedder(embedder.name).dimension
        snapshots.build(snapshot, index_points(rows, found), dimension=dimension)
    published = IndexSnapshot(name=name, snapshot=snapshot, n_chunks=len(rows), embedder=embedder, store=store)
    _point(index_pointer(name), published)
    return published


@effect
def remember_ingestion(name: Identifier, ingestion: Ingestion) -> Ingestion:
    """Note what the index was built from, so that the next ingestion computes only what is new."""
    _point(ingestion_pointer(name), ingestion)
    return ingestion


def _read_batch(
    batch: ReadBatch, *, redactor: Redactor, chunking: ChunkingConfig, tell: Callable[[int], None]
) -> Tables:
    tables = passage_tables(batch(), redactor, chunking, tell)
    return {"documents": tables.documents, "chunks": tables.chunks, "skips": tables.skips}


def _point(pointer: str, value: Record) -> None:
    run = current_run()
    pointers.set_pointer(run.home.ledger, pointer, value.model_dump(mode="json"), at=run.now, run_id=run.run_id)


def _held(ref: DatasetRef | None) -> DatasetRef | None:
    """The ref, unless its dataset was removed or buried."""
    return ref if ref is not None and current_run().home.datasets.exists(ref) else None


def _has_this_profile(ref: DatasetRef | None) -> bool:
    held = _held(ref)
    return held is not None and read_dataset(held).manifest.origin.numeric_profile == numeric_profile()


def _opened(ingestion: Ingestion) -> Ingested:
    refs = (ingestion.documents, ingestion.chunks, ingestion.vectors)
    return Ingested(*(None if ref is None else read_dataset(ref) for ref in refs))
