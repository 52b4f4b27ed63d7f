"""Index snapshots without a person's passages: the vectors of A15."""

import json
from collections.abc import Mapping

from pydantic import Field

from blocks.names import EmbedderName, VectorIndexName
from blocks.vector_index import EMBEDDED, MEMORY, open_index_store
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of
from millrace.governance.erasure_report import Remaining
from millrace.ingestion.indexing import index_points, snapshot_name
from millrace.ingestion.vectors import vectors_of
from millrace.records.base import Record
from millrace.records.document import Chunk
from tasks.erasure_datasets import Successor
from tasks.home import Home

_STEP = "publish-index"


class PublishedSnapshot(Record):
    """A snapshot and what it was built from."""

    snapshot: str
    store: VectorIndexName
    embedder: EmbedderName
    chunks: DatasetRef
    vectors: DatasetRef


class RebuiltIndexes(Record):
    """Which snapshot took the place of which."""

    snapshots: dict[str, str]
    problems: list[Remaining] = Field(default=[])


def affected_snapshots(home: Home, hashes: set[str]) -> list[PublishedSnapshot]:
    """Snapshots built from any of these contents, each once, as the receipts say."""
    found = {}
    for path in sorted((home.root / "runs").glob(f"*/receipts/{_STEP}*.json")):
        receipt = json.loads(path.read_bytes())
        given, output = receipt["arguments"], receipt["output"]
        refs = {name: DatasetRef.model_validate(given[name]) for name in ("chunks", "vectors")}
        lasting = VectorIndexName.model_validate(output["store"]).name != MEMORY
        if lasting and any(ref.content_hash in hashes for ref in refs.values()):
            known = {name: output[name] for name in ("snapshot", "store", "embedder")}
            found[output["snapshot"]] = PublishedSnapshot.model_validate(known | refs)
    return [found[name] for name in sorted(found)]


def rebuild_snapshots(home: Home, successors: Mapping[str, Successor]) -> RebuiltIndexes:
    """Build each affected snapshot anew from what is left; vectors are taken over, nothing is embedded.

    Args:
        successors: by content hash of the old dataset.
    """
    snapshots, problems = {}, []
    for old in affected_snapshots(home, set(successors)):
        refs = [successors[ref.content_hash].new_ref if ref.content_hash in successors else ref for ref in _parts(old)]
        rows = rows_of(Chunk, home.datasets.open(refs[0]).to_arrow())
        vectors = vectors_of(home.datasets.open(refs[1]).to_arrow())
        dimension = vectors_of(home.datasets.open(old.vectors).read_rows(0, 1)).shape[1] or 1
        name = snapshot_name(rows, old.embedder.identity())
        store = open_index_store(home.index_root, old.store.name)
        if not store.exists(name):
            store.build(name, index_points(rows, vectors), dimension=dimension)
        snapshots[old.snapshot] = name
        if old.store.name != EMBEDDED:
            why = f"delete the collection of snapshot {old.snapshot} in the store {old.store.name!r}"
            problems.append(Remaining(what="an index in a vector database", why=why))
    return RebuiltIndexes(snapshots={old: new for old, new in snapshots.items() if new != old}, problems=problems)


def _parts(published: PublishedSnapshot) -> tuple[DatasetRef, DatasetRef]:
    return published.chunks, published.vectors
