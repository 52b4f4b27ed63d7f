"""The directions in which vectors vary most."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from millrace.errors import BadInputError

Floats = npt.NDArray[np.float64]

_DECIMALS = 6  # the last bits of a product are not the same on all machines


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Coordinates on the main axes.

    Attributes:
        coordinates: shape (n_items, n_axes), of the centred rows, rounded to six decimals.
        variances: along all axes, falling, shape (n_dimensions,), at least 0.
    """

    coordinates: Floats
    variances: Floats

    def explained(self, n_axes: int) -> float | None:
        """Share of the variance along the first axes; None when there is no variance."""
        total = float(self.variances.sum())
        return None if total <= 0 else min(1.0, float(self.variances[:n_axes].sum()) / total)


def principal_components(rows: Floats, n_axes: int) -> PrincipalComponents:
    """Coordinates of the rows on the axes of most variance; equal for any number of threads.

    The sign of an axis is chosen so that its largest component by size is positive, the first of equals.

    Args:
        rows: finite, shape (n_items, n_dimensions), at least one row.
        n_axes: at most; there are no more than dimensions.

    Raises:
        BadInputError: no rows, not two dimensions, or a value that is not finite.

    Source:
        Pearson (1901), Philosophical Magazine 2(11), 559-572.
    """
    if rows.ndim != 2 or len(rows) == 0 or not np.isfinite(rows).all():
        raise BadInputError(f"principal components need finite rows in two dimensions, got shape {rows.shape}")
    centred = rows - rows.mean(axis=0)
    with threadpool_limits(1):  # sums are taken in another order by other numbers of threads
        variances, axes = np.linalg.eigh(centred.T @ centred / len(rows))
        axes = axes[:, ::-1][:, :n_axes]
        largest = np.abs(np.round(axes, _DECIMALS)).argmax(axis=0)
        axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
        coordinates = np.round(centred @ axes, _DECIMALS)
    return PrincipalComponents(coordinates, np.maximum(variances[::-1], 0.0))
