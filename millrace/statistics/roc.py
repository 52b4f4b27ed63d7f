"""How well a score ranks positives above negatives."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import stats

from millrace.errors import BadInputError
from millrace.records.base import Record


class RocAuc(Record):
    """Area under the ROC curve; None needs a reason."""

    value: float | None = Field(ge=0, le=1)
    reason: Literal["one_class"] | None = None
    n_positive: int = Field(ge=0)
    n_negative: int = Field(ge=0)


def roc_auc(scores: Sequence[float] | npt.ArrayLike, labels: Sequence[bool] | npt.ArrayLike) -> RocAuc:
    """Chance that a random positive scores above a random negative; ties count one half.

    Args:
        scores: finite values, higher for positives, length n_items.
        labels: true for positives, in the same order.

    Returns:
        ``value`` in [0, 1], .5 for a useless score; None with reason ``one_class`` when positives or negatives are
        missing.

    Raises:
        BadInputError: different lengths, a label that is neither true nor false, or a score that is not finite.

    Source:
        Hanley and McNeil (1982), Radiology 143(1), 29-36: the Mann-Whitney statistic over the number of pairs.
    """
    values, given = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if values.ndim != 1 or values.shape != given.shape:
        raise BadInputError(
            f"scores and labels differ in length: shapes {values.shape} and {given.shape}",
            scores_shape=values.shape,
            labels_shape=given.shape,
        )
    if not np.isfinite(values).all():
        raise BadInputError("a ROC curve needs finite scores; leave out the items that have none")
    positive = given.astype(bool)
    if not (given == positive).all():
        raise BadInputError("labels must be true or false")
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return RocAuc(value=None, reason="one_class", n_positive=n_positive, n_negative=n_negative)
    rank_sum = float(stats.rankdata(values)[positive].sum())
    wins = rank_sum - n_positive * (n_positive + 1) / 2
    return RocAuc(value=wins / (n_positive * n_negative), n_positive=n_positive, n_negative=n_negative)
