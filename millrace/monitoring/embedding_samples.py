"""Which texts are kept with their vectors, so that later days can be compared with them."""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from millrace.datasets.schema import arrow_schema
from millrace.errors import BadInputError
from millrace.ports import Embedder
from millrace.records.base import Record
from millrace.records.monitoring import EmbeddingSample


class DriftConfig(Record):
    """How many texts are compared, and from where on they have drifted."""

    max_samples: int = Field(2_000, ge=10, le=20_000, description="Texts kept of each side, a seeded draw")
    min_samples: int = Field(10, ge=4, description="Fewer on one side say nothing")
    max_mmd: int = Field(500, ge=10, le=2_000, description="Texts of each side in the maximum mean discrepancy")
    n_permutations: int = Field(999, ge=99, le=20_000)
    n_folds: int = Field(5, ge=2, le=20, description="Of the domain classifier's cross-validation")
    n_axes: int = Field(50, ge=2, le=400, description="Principal components that the domain classifier sees")
    max_p_value: float = Field(0.01, gt=0, lt=1, description="Of the discrepancy; drift needs one at most this large")
    warning_auc: float = Field(
        0.52, ge=0.5, lt=1, description="Drift when the lower end of the classifier's interval is above it"
    )
    critical_auc: float = Field(
        0.7,
        ge=0.5,
        lt=1,
        description="Critical when the classifier's area is above it too; .7 is two new texts in five",
    )
    max_points: int = Field(300, ge=2, le=2_000, description="Texts of each side in the picture")
    n_typical: int = Field(5, ge=0, le=100, description="Items of now that are listed as least like the reference")
    seed: int = Field(0, ge=0, description="Of the draws, the permutations and the folds")


def embedding_samples(items: pa.Table, embedder: Embedder, config: DriftConfig) -> pa.Table:
    """The vectors of a bounded sample of texts.

    Which items are drawn depends on seed and item_id alone, so it does not matter how they are cut into parts, nor in
    which order they come; the sample of a day is also the sample of the samples of its parts.

    Args:
        items: columns ``item_id``, ``time`` (may be null) and ``text``; ids differ.
        embedder: gives rows of norm 1, and zero rows for empty texts.

    Returns:
        Table of EmbeddingSample, at most ``max_samples`` rows, in the order of the draw.

    Raises:
        BadInputError: an id that occurs twice.
    """
    drawn = bounded_sample(items, config.max_samples, config.seed)
    vectors = np.asarray(embedder.embed(drawn.column("text").to_pylist()), dtype=np.float64)
    lists = pa.ListArray.from_arrays(
        np.arange(len(vectors) + 1, dtype=np.int32) * embedder.dimension, pa.array(vectors.ravel())
    )
    table = pa.table({"item_id": drawn.column("item_id"), "time": drawn.column("time"), "vector": lists})
    return table.cast(arrow_schema(EmbeddingSample))


def bounded_sample(table: pa.Table, most: int, seed: int) -> pa.Table:
    """At most so many rows of a table with ``item_id``: those with the smallest hashes of seed and id, in that order.

    Raises:
        BadInputError: an id that occurs twice.
    """
    ids = table.column("item_id").to_pylist()
    if len(set(ids)) < len(ids):
        twice = sorted({each for each in ids if ids.count(each) > 1})[:3] if len(ids) < 10_000 else []
        raise BadInputError(f"item ids that occur twice, such as {twice}", item_ids=twice)
    hashes = [hashlib.sha256(f"{seed}\n{each}".encode()).digest() for each in ids]
    order = sorted(range(len(ids)), key=lambda row: (hashes[row], ids[row]))[:most]
    return table.take(pa.array(order, pa.int64()))


def vectors_of(samples: pa.Table) -> npt.NDArray[np.float64]:
    """The vectors of a table of EmbeddingSample, shape (n_samples, n_dimensions).

    Raises:
        BadInputError: vectors of several lengths.
    """
    lists = samples.column("vector").combine_chunks()
    values = lists.flatten().to_numpy().astype(np.float64)
    if len(lists) == 0:
        return np.zeros((0, 0))
    lengths = set(lists.value_lengths().to_pylist())
    if len(lengths) != 1:
        raise BadInputError(
            f"vectors of {len(lengths)} lengths; they are of several embedders", lengths=sorted(lengths)
        )
    vectors: npt.NDArray[np.float64] = values.reshape(len(lists), lengths.pop())
    return vectors
