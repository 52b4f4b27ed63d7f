"""Cohen's kappa: how far two verdicts on the same items agree beyond chance."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from millrace.errors import BadInputError
from millrace.statistics.intervals import Estimate

Floats = npt.NDArray[np.float64]
Verdicts = Sequence[bool] | npt.ArrayLike


def cohen_kappa(
    first: Verdicts,
    second: Verdicts,
    *,
    weights: Sequence[float] | npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Agreement of two judges' verdicts beyond chance, 1 at best, 0 as by chance.

    The interval is kappa of the table with z²/4 items more in each of its cells, give or take z of its standard errors,
    widened to hold kappa itself. Without those items it has no width where the two agree on everything, and covers as
    little as 36 % where one verdict is rare; with them 94.3 % or more over 64 simulated settings (20 to 100 items,
    shares from .05 to .5, agreement from .5 to .97).

    Args:
        first, second: true or false, of the same items in the same order, length n_items.
        weights: positive, up to a factor; None: all equal. The interval then takes Kish's effective number of items.
        confidence: in (0, 1).

    Returns:
        In [-1, 1]; None with reason ``no_items``, or ``undefined`` where both say the same one thing of every item:
        chance cannot be told from agreement then.

    Raises:
        BadInputError: different lengths, a verdict that is neither true nor false, a weight of 0 or less, or a
            confidence outside (0, 1).

    Source:
        Cohen (1960), Educ. Psychol. Meas. 20(1), 37-46, eq. 1; standard error: Fleiss, Cohen and Everitt (1969),
        Psychol. Bull. 72(5), 323-327, eq. 13; added items: after Agresti and Coull (1998), Am. Stat. 52(2), 119-126.
    """
    if not 0 < confidence < 1:
        raise BadInputError(f"a confidence lies between 0 and 1, got {confidence}", confidence=confidence)
    table = _table(first, second, weights)
    bare = Estimate(
        mean=None,
        low=None,
        high=None,
        n=len(np.asarray(first)),
        confidence=confidence,
        method="cohen_kappa",
        reason="no_items",
    )
    if not table.any():
        return bare
    if _is_undefined(table):
        return bare.model_copy(update={"reason": "undefined"})
    kappa = _kappa(table)
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    added = table + z * z / 4
    centre, half = _kappa(added), z * _standard_error(added)
    low, high = max(-1.0, min(kappa, centre - half)), min(1.0, max(kappa, centre + half))
    return bare.model_copy(update={"mean": kappa, "low": low, "high": high, "reason": None})


def kappa_standard_error(table: Sequence[Sequence[float]] | npt.ArrayLike) -> float | None:
    """Kappa's large-sample standard error; None where kappa itself has no value. 0 where all agree: no safe word there.

    Args:
        table: items by first and second verdict, shape (n_verdicts, n_verdicts), none negative.

    Raises:
        BadInputError: not square, or a negative count.

    Source:
        Fleiss, Cohen and Everitt (1969), Psychol. Bull. 72(5), 323-327, eq. 13.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not (counts >= 0).all():
        raise BadInputError(f"a table of agreement is square and holds counts, got shape {counts.shape}")
    return None if _is_undefined(counts) else _standard_error(counts)


def _is_undefined(table: Floats) -> bool:
    """Whether the table is empty, or all its items lie in one cell of the diagonal: agreement by chance is certain."""
    return bool(np.diag(table).max() == table.sum())


def _shares(table: Floats) -> tuple[Floats, Floats, Floats]:
    shares = table / table.sum()
    return shares, shares.sum(axis=1), shares.sum(axis=0)


def _kappa(table: Floats) -> float:
    shares, first, second = _shares(table)
    chance = float((first * second).sum())
    return (float(np.trace(shares)) - chance) / (1 - chance)


def _standard_error(table: Floats) -> float:
    shares, first, second = _shares(table)
    kappa, chance = _kappa(table), float((first * second).sum())
    agreed = (np.diag(shares) * (1 - (first + second) * (1 - kappa)) ** 2).sum()
    crossed = shares * (second[:, None] + first[None, :]) ** 2  # the other's share of the verdict that each gave
    differed = (1 - kappa) ** 2 * (crossed.sum() - np.trace(crossed))
    variance = float(agreed + differed) - (kappa - chance * (1 - kappa)) ** 2
    return float(np.sqrt(max(0.0, variance) / table.sum())) / (1 - chance)


def _table(first: Verdicts, second: Verdicts, weights: Sequence[float] | npt.ArrayLike | None) -> Floats:
    """Items by both verdicts, shape (2, 2), False first; weights are scaled to sum to the effective number of items."""
    one, other = _verdicts(first), _verdicts(second)
    given = np.ones(len(one)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(one) == len(other) == len(given):
        raise BadInputError(f"{len(one)} first verdicts, {len(other)} second ones and {len(given)} weights")
    if not (np.isfinite(given) & (given > 0)).all():
        raise BadInputError("weights are positive and finite")
    cells = np.array([[np.sort(given[(one == i) & (other == j)]).sum() for j in (False, True)] for i in (False, True)])
    squares = float(np.sort(given**2).sum())
    return cells * (cells.sum() / squares if squares else 1.0)


def _verdicts(values: Verdicts) -> npt.NDArray[np.bool_]:
    given = np.asarray(values)
    verdicts = given.astype(bool)
    if given.ndim != 1 or not (given == verdicts).all():
        raise BadInputError("verdicts must be true or false, in one row")
    return verdicts
