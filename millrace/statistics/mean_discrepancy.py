"""Whether two samples of vectors come from one distribution: the maximum mean discrepancy."""

import numpy as np
import numpy.typing as npt
from pydantic import Field
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from millrace.errors import BadInputError
from millrace.records.base import Record

Floats = npt.NDArray[np.float64]

_SAME = 1e-9  # two discrepancies that differ by less are equal: rounding is not the same on all machines


class MeanDiscrepancy(Record):
    """Squared maximum mean discrepancy and its permutation p-value."""

    squared: float = Field(description="Unbiased, so negative now and then; 0 for one distribution, at most 2")
    p_value: float = Field(gt=0, le=1)
    bandwidth: float = Field(ge=0, description="Median distance of all pairs, the kernel's standard deviation")
    n_permutations: int = Field(ge=1)


def maximum_mean_discrepancy(first: Floats, second: Floats, *, seed: int, n_permutations: int = 999) -> MeanDiscrepancy:
    """Mean kernel similarity within the two samples, less that between them.

    The kernel is exp(-d² / (2 m²)) with the median distance m of all pairs of both samples; where more than half of the
    pairs are equal, that of the unequal ones. The p-value is the share of random divisions of all rows, this one
    counted in, that give at least this discrepancy. All divisions are computed as one matrix product; memory and time
    grow with the square of the rows: sample before.

    Args:
        first, second: finite, shapes (n, n_dimensions) and (m, n_dimensions), n and m at least 2.
        seed: of the permutations.
        n_permutations: at least 19; the least p-value is 1 / (1 + n_permutations).

    Returns:
        The same for any number of threads, up to rounding of the sixth decimal of ``squared``. Rows that are all
        equal give 0 with p-value 1.

    Raises:
        BadInputError: too few rows or permutations, other shapes, or a value that is not finite.

    Source:
        Gretton et al. (2012), J. Mach. Learn. Res. 13, 723-773, eq. 3; p-value: Phipson and Smyth (2010), Stat. Appl.
        Genet. Mol. Biol. 9(1), 39.
    """
    rows = _checked(first, second, n_permutations)
    with threadpool_limits(1):
        kernel, bandwidth = _kernel(rows)
        own = np.zeros((1, len(rows)))
        own[0, : len(first)] = 1.0
        squared = float(_discrepancies(kernel, own)[0])
        permuted = _discrepancies(kernel, _divisions(len(first), len(rows), seed, n_permutations))
    n_at_least = int((permuted >= squared - _SAME).sum())
    return MeanDiscrepancy(
        squared=round(squared, 6),
        p_value=(1 + n_at_least) / (1 + n_permutations),
        bandwidth=round(bandwidth, 6),
        n_permutations=n_permutations,
    )


def _checked(first: Floats, second: Floats, n_permutations: int) -> Floats:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        raise BadInputError(
            f"a discrepancy needs two rows of one length on each side, got shapes {first.shape} and {second.shape}"
        )
    if n_permutations < 19:
        raise BadInputError(f"{n_permutations} permutations prove nothing; take at least 19")
    rows = np.concatenate([first, second]).astype(np.float64)
    if not np.isfinite(rows).all():
        raise BadInputError("a discrepancy needs finite values")
    return rows


def _kernel(rows: Floats) -> tuple[Floats, float]:
    """Similarities without the diagonal, and the bandwidth."""
    norms = np.einsum("ij,ij->i", rows, rows)
    squares = norms[:, None] + norms[None, :] - 2 * (rows @ rows.T)
    squares = np.where(squares < _SAME, 0.0, squares)
    pairs = squares[np.triu_indices(len(rows), 1)]
    median = float(np.median(pairs)) or float(np.median(pairs[pairs > 0]) if (pairs > 0).any() else 0.0)
    kernel = np.exp(-squares / (2 * median)) if median > 0 else np.ones_like(squares)
    np.fill_diagonal(kernel, 0.0)
    return kernel, float(np.sqrt(median))


def _divisions(n_first: int, n_rows: int, seed: int, n_permutations: int) -> Floats:
    """Ones for the rows that are drawn as the first sample, shape (n_permutations, n_rows)."""
    order = np.random.default_rng(seed).random((n_permutations, n_rows)).argsort(axis=1)
    divisions: Floats = (order < n_first).astype(np.float64)
    return divisions


def _discrepancies(kernel: Floats, divisions: Floats) -> Floats:
    n = divisions.sum(axis=1)
    m = divisions.shape[1] - n
    towards_first = divisions @ kernel
    within_first = np.einsum("ij,ij->i", towards_first, divisions)
    between = towards_first.sum(axis=1) - within_first
    within_second = kernel.sum() - 2 * between - within_first
    squared: Floats = within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * between / (n * m)
    return squared
