"""Which rows have an id that an earlier row had."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from millrace.distillation.texts import Keys, Mask, codes


def repeated(ids: Iterable[pa.Array]) -> Mask:
    """Over all parts of a dataset in order: whether an earlier row has the same id.

    All ids are held meanwhile.

    Args:
        ids: the column ``evidence_id``, part by part.
    """
    numbers = codes(ids)
    known_before = np.maximum.accumulate(np.append(np.int32(-1), numbers[:-1])) if len(numbers) else numbers
    again: Mask = numbers <= known_before  # an id that is new has the next number
    return again


def repeated_keys(of_rows: Keys) -> Mask:
    """The same for keys, shape (n, 2)."""
    order = np.lexsort((of_rows[:, 1], of_rows[:, 0]))  # stable: equal keys stay in the order of their rows
    ordered = of_rows[order]
    again = np.zeros(len(of_rows), dtype=np.bool_)
    again[order[1:]] = (ordered[1:] == ordered[:-1]).all(axis=1)
    return again
