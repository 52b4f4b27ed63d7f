"""How far probabilities can be taken at their word."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from millrace.errors import BadInputError
from millrace.records.base import Record

Floats = npt.NDArray[np.float64]
Values = Sequence[float] | npt.ArrayLike
Labels = Sequence[bool] | npt.ArrayLike


class ReliabilityBin(Record):
    """Items with similar probabilities, and how many of them came true."""

    low: float = Field(description="Smallest probability in the bin")
    high: float = Field(description="Largest probability in the bin")
    n: int = Field(ge=1)
    mean_probability: float
    share: float = Field(description="Share of items that are true")


def brier_score(probabilities: Values, labels: Labels) -> float | None:
    """Mean squared distance between probability and outcome, in [0, 1]; 0 is best, None without items.

    Args:
        probabilities: in [0, 1], length n_items.
        labels: true or false, in the same order.

    Raises:
        BadInputError: different lengths, a probability outside [0, 1], or a label that is neither true nor false.

    Source:
        Brier (1950), Monthly Weather Review 78(1), 1-3; for two classes and one of them counted.
    """
    known, true = _checked(probabilities, labels)
    return float(((known - true) ** 2).mean()) if len(known) else None


def expected_calibration_error(
    probabilities: Values, labels: Labels, *, n_bins: int = 10, binning: Literal["equal_width", "equal_count"]
) -> float | None:
    """Mean distance between probability and share within bins, weighted by the items in them; None without items.

    It is biased upwards: with few items a bin, chance alone parts share and probability.

    Args:
        probabilities, labels: as in ``brier_score``.
        n_bins, binning: as in ``reliability_bins``.

    Returns:
        In [0, 1]; 0 is best.

    Raises:
        BadInputError: as ``brier_score``, or fewer than one bin.

    Source:
        Guo et al. (2017), On calibration of modern neural networks, ICML, eq. 3, of the probability of the positive
        class instead of the confidence in the winner.
    """
    bins = reliability_bins(probabilities, labels, n_bins=n_bins, binning=binning)
    n_items = sum(each.n for each in bins)
    return sum(each.n * abs(each.mean_probability - each.share) for each in bins) / n_items if bins else None


def reliability_bins(
    probabilities: Values, labels: Labels, *, n_bins: int = 10, binning: Literal["equal_width", "equal_count"]
) -> list[ReliabilityBin]:
    """Bins that hold an item, in order of their probabilities.

    Args:
        probabilities, labels: as in ``brier_score``.
        n_bins: at least 1.
        binning: equal_width cuts [0, 1] into equal parts, (a, b] but for the first, which holds 0; equal_count gives
            each bin as many items as the others, one more or less, and never parts equal probabilities.

    Raises:
        BadInputError: as ``brier_score``, or fewer than one bin.
    """
    known, true = _checked(probabilities, labels)
    if n_bins < 1:
        raise BadInputError(f"at least one bin is needed, got {n_bins}", n_bins=n_bins)
    if binning == "equal_width":
        places = np.clip(np.ceil(known * n_bins) - 1, 0, n_bins - 1)
    else:
        places = np.searchsorted(np.sort(known), known, side="left") * n_bins // max(1, len(known))
    return [_bin(known[rows], true[rows]) for place in np.unique(places) for rows in [places == place]]


def _bin(probabilities: Floats, true: Floats) -> ReliabilityBin:
    return ReliabilityBin(
        low=float(probabilities.min()),
        high=float(probabilities.max()),
        n=len(probabilities),
        mean_probability=float(np.sort(probabilities).mean()),
        share=float(true.mean()),
    )


def _checked(probabilities: Values, labels: Labels) -> tuple[Floats, Floats]:
    known, given = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if known.ndim != 1 or known.shape != given.shape:
        raise BadInputError(f"probabilities and labels differ in length: shapes {known.shape} and {given.shape}")
    if not ((known >= 0) & (known <= 1)).all():
        raise BadInputError("probabilities lie between 0 and 1")
    true = given.astype(bool)
    if not (given == true).all():
        raise BadInputError("labels must be true or false")
    return known, true.astype(np.float64)
