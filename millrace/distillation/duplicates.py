"""Which rows have an id that an earlier row had."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from millrace.distillation.texts import Keys, Mask, keys


def repeated(ids: Iterable[pa.Array]) -> Mask:
    """Over all parts of a dataset in order: whether an earlier row has the same id.

    32 bytes a row are held: ids are compared by the first 128 bits of their sha256.

    Args:
        ids: the column ``evidence_id``, part by part.
    """
    return repeated_keys(np.concatenate([np.zeros((0, 2), dtype=np.uint64), *(keys(part.to_pylist()) for part in ids)]))


def repeated_keys(of_rows: Keys) -> Mask:
    """The same for keys, shape (n, 2)."""
    order = np.lexsort((of_rows[:, 1], of_rows[:, 0]))  # stable: equal keys stay in the order of their rows
    ordered = of_rows[order]
    again = np.zeros(len(of_rows), dtype=np.bool_)
    again[order[1:]] = (ordered[1:] == ordered[:-1]).all(axis=1)
    return again
