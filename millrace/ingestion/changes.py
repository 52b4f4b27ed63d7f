"""What an ingestion found different from the one before it."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.canonical import sha256_json
from millrace.datasets.dataset import Dataset
from millrace.datasets.schema import arrow_schema, rows_of
from millrace.records.document import Document, IngestionChanges

_NAMED = 20
_DECIDING = {"content_hash", "title", "user_id", "markup", "marks", "metadata"}


@dataclass(frozen=True)
class Ingested:
    """What an index was built from; None for what is not there any more, or cannot be used."""

    documents: Dataset | None
    chunks: Dataset | None
    vectors: Dataset | None


def compare_ingestions(now: Ingested, before: Ingested) -> IngestionChanges:
    """Documents are the same by tenant and id, chunks by id, vectors by the hash of their text."""
    documents, earlier = _states(now.documents), _states(before.documents)
    kept = documents.keys() & earlier.keys()
    n_unchanged = sum(documents[key] == earlier[key] for key in kept)
    removed = sorted(doc_id for _, doc_id in earlier.keys() - documents.keys())
    hashes = _column(now.vectors, "text_hash")
    n_reused = _n_shared(hashes, _column(before.vectors, "text_hash"))
    earlier_chunks = _column(before.chunks, "chunk_id")
    return IngestionChanges(
        n_documents=len(documents),
        n_new=len(documents) - len(kept),
        n_changed=len(kept) - n_unchanged,
        n_unchanged=n_unchanged,
        n_removed=len(removed),
        removed=removed[:_NAMED],
        n_chunks=len(hashes),
        n_chunks_embedded=len(hashes) - n_reused,
        n_chunks_reused=n_reused,
        n_chunks_removed=len(earlier_chunks) - _n_shared(earlier_chunks, _column(now.chunks, "chunk_id")),
    )


def _states(documents: Dataset | None) -> dict[tuple[str, str], str]:
    """What decides a document's chunks, by tenant and id."""
    states: dict[tuple[str, str], str] = {}
    for part in documents.parts() if documents is not None else ():
        for document in rows_of(Document, part):
            states[document.tenant_id, document.doc_id] = sha256_json(document.model_dump(include=_DECIDING))
    return states


def _column(dataset: Dataset | None, name: str) -> pa.ChunkedArray:
    if dataset is None:
        return pa.chunked_array([], pa.string())
    empty = arrow_schema(dataset.model).empty_table().select([name])
    return pa.concat_tables([empty, *dataset.columns([name])]).column(name)


def _n_shared(values: pa.ChunkedArray, others: pa.ChunkedArray) -> int:
    """How many of the values are among the others."""
    return int(pc.sum(pc.is_in(values, value_set=others)).as_py() or 0)
