"""Chunks to vectors, of which those that are known from before are not computed again.

A text's vector depends on the text and the embedder alone, never on what it is embedded with. So whether a vector was
computed or taken from an earlier dataset of the same embedder and numeric profile cannot be seen in the result.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import accumulate
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.dataset import Dataset
from millrace.datasets.schema import arrow_schema, rows_of
from millrace.ports import Embedder, Vectors
from millrace.records.document import Chunk, ChunkVector

_TEXTS_AT_ONCE = 1024
_PARTS_HELD = 2  # of an earlier dataset: 15 MB each

Rows = npt.NDArray[np.int64]


class KnownVectors:
    """The vectors of an earlier dataset, found by the hash of their text; safe to share between threads.

    All hashes are held in memory, and the vectors of a few parts at a time.
    """

    def __init__(self, dataset: Dataset) -> None:
        columns = [arrow_schema(ChunkVector).empty_table().select(["text_hash"]), *dataset.columns(["text_hash"])]
        self.hashes: pa.ChunkedArray = pa.concat_tables(columns).column("text_hash")
        self._dataset = dataset
        self._starts = np.array(list(accumulate((part.rows for part in dataset.manifest.parts), initial=0)))
        self._held: OrderedDict[int, Vectors] = OrderedDict()
        self._lock = Lock()

    def find(self, hashes: Sequence[str]) -> Rows:
        """The row of each text's vector, -1 where there is none; shape (n_hashes,)."""
        found = pc.index_in(pa.array(hashes, pa.string()), value_set=self.hashes)
        return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)

    def take(self, rows: Rows) -> Vectors:
        """The vectors of these rows, shape (n_rows, dimension); at least one row."""
        parts = np.searchsorted(self._starts, rows, side="right") - 1
        pieces = {int(part): self._part(int(part))[rows[parts == part] - self._starts[part]] for part in set(parts)}
        taken = np.empty((len(rows), next(iter(pieces.values())).shape[1]), dtype=np.float32)
        for part, vectors in pieces.items():
            taken[parts == part] = vectors
        return taken

    def _part(self, index: int) -> Vectors:
        with self._lock:
            if index not in self._held:
                self._held[index] = vectors_of(self._dataset.read_part(index))
                if len(self._held) > _PARTS_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(index)
            return self._held[index]


def embed_part(
    chunks: pa.Table, *, embedder: Callable[[], Embedder], known: KnownVectors | None, tell: Callable[[int], None]
) -> pa.Table:
    """One ``ChunkVector`` for each ``Chunk``, in order.

    Args:
        embedder: opened only when a text is not known.
        tell: is told how many chunks more have their vector.
    """
    texts = [chunk.searchable() for chunk in rows_of(Chunk, chunks)]
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    rows = known.find(hashes) if known is not None else np.full(len(texts), -1)
    found, missing = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
    pieces = []
    if known is not None and len(found):
        pieces.append((found, known.take(rows[found])))
        tell(len(found))
    if len(missing):
        pieces.append((missing, _embedded([texts[place] for place in missing], embedder(), tell)))
    return _table(chunks.column("chunk_id"), hashes, pieces)


def vectors_of(table: pa.Table) -> Vectors:
    """The vectors of a table of ``ChunkVector`` in row order, shape (n_rows, dimension); (0, 0) without rows."""
    column = table.column("vector").combine_chunks()
    values = np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float32)
    return values.reshape(table.num_rows, -1) if table.num_rows else values.reshape(0, 0)


def _embedded(texts: list[str], embedder: Embedder, tell: Callable[[int], None]) -> Vectors:
    """Texts of about equal length are embedded together: fewer batches of the embedder's are filled up."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    vectors = np.empty((len(texts), embedder.dimension), dtype=np.float32)
    for start in range(0, len(order), _TEXTS_AT_ONCE):
        places = order[start : start + _TEXTS_AT_ONCE]
        vectors[places] = embedder.embed([texts[place] for place in places])
        tell(len(places))
    return vectors


def _table(chunk_ids: pa.ChunkedArray, hashes: list[str], pieces: "list[tuple[Rows, Vectors]]") -> pa.Table:
    schema = arrow_schema(ChunkVector)
    if not pieces:
        return schema.empty_table()
    dimension = pieces[0][1].shape[1]
    values = np.empty((len(hashes), dimension), dtype=np.float64)
    for places, vectors in pieces:
        values[places] = vectors
    offsets = pa.array(np.arange(len(hashes) + 1) * dimension, pa.int32())
    column = pa.ListArray.from_arrays(offsets, pa.array(values.ravel()), type=schema.field("vector").type)
    return pa.table([chunk_ids, pa.array(hashes, pa.string()), column], schema=schema)
