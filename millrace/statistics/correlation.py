"""Rank correlation."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import stats

from millrace.errors import BadInputError
from millrace.records.base import Record


class Correlation(Record):
    """A correlation coefficient; None needs a reason."""

    value: float | None = Field(ge=-1, le=1)
    reason: Literal["too_few", "constant"] | None = None
    n: int = Field(ge=0, description="Pairs")


def spearman(x: Sequence[float] | npt.ArrayLike, y: Sequence[float] | npt.ArrayLike) -> Correlation:
    """Spearman's rank correlation; tied values share the mean of their ranks.

    Args:
        x, y: finite values of the same items in the same order, length n_items.

    Returns:
        ``value`` in [-1, 1]; None with reason ``too_few`` for fewer than two pairs, ``constant`` when one side has a
        single value.

    Raises:
        BadInputError: different lengths, or a value that is not finite.

    Source:
        Spearman (1904), Am. J. Psychol. 15(1), 72-101; with ties as Pearson's r of mid-ranks.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise BadInputError(
            f"a correlation needs two lists of one length, got shapes {first.shape} and {second.shape}",
            x_shape=first.shape,
            y_shape=second.shape,
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise BadInputError("a correlation needs finite values; leave out the pairs that have none")
    n_pairs = len(first)
    if n_pairs < 2:
        return Correlation(value=None, reason="too_few", n=n_pairs)
    # Twice the mid-rank less n + 1: centred and a whole number, so that the sums below are exact.
    ranks = [2.0 * stats.rankdata(values) - (n_pairs + 1) for values in (first, second)]
    squares = float(ranks[0] @ ranks[0]) * float(ranks[1] @ ranks[1])
    if squares == 0.0:
        return Correlation(value=None, reason="constant", n=n_pairs)
    value = float(ranks[0] @ ranks[1]) / float(np.sqrt(squares))
    return Correlation(value=min(1.0, max(-1.0, value)), n=n_pairs)
