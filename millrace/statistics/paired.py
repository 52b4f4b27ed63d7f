"""Whether the same items score lower than before: a sign-flip test of pairs, and the interval that belongs to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from millrace.errors import BadInputError

Floats = npt.NDArray[np.float64]

N_FLIPS = 9_999
_CELLS = 2**22  # flips times pairs that are held in memory at once
NOUGHT = 1e-9  # a mean below it is 0: shares of it mean nothing
_DECIMALS = 9  # sums that are equal on paper differ in their last bits; ties must count as ties


@dataclass(frozen=True)
class PairedDrop:
    """By which share of its mean the first of two scores of the same items fell; a rise is negative.

    Attributes:
        n: pairs; ``n_differing`` of them hold two different scores.
        before, after: means; None without pairs.
        drop: ``(before - after) / before``; None with ``reason`` ``no_items``, or ``zero_mean`` where nothing is left
            to fall.
        p_value: one-sided, of a drop as large if nothing had changed; None where ``drop`` is.
        lows, highs: shape (n_flips,), ascending; what :meth:`bounds` reads its ends from.
    """

    n: int
    n_differing: int
    before: float | None
    after: float | None
    drop: float | None
    p_value: float | None
    reason: Literal["no_items", "zero_mean"] | None
    lows: Floats
    highs: Floats

    def bounds(self, alpha: float) -> tuple[float | None, float | None]:
        """A lower and an upper bound of the drop, each wrong with probability ``alpha``; too few pairs have None.

        The lower bound is above 0 exactly where ``p_value <= alpha``.

        Raises:
            BadInputError: ``alpha`` outside (0, 0.5).
        """
        if not 0 < alpha < 0.5:
            raise BadInputError(f"an error rate lies between 0 and 0.5, got {alpha}", alpha=alpha)
        place = int(alpha * (len(self.lows) + 1) + 1e-9)
        if place < 1 or self.drop is None:
            return None, None
        low, high = float(self.lows[place - 1]), float(self.highs[-place])
        return low if np.isfinite(low) else None, high if np.isfinite(high) else None


def paired_drop(
    before: Sequence[float] | npt.ArrayLike,
    after: Sequence[float] | npt.ArrayLike,
    *,
    seed: int,
    n_flips: int = N_FLIPS,
) -> PairedDrop:
    """The relative drop of a mean over pairs, tested by swapping the two scores of randomly chosen pairs.

    Where before and after can be swapped within a pair (nothing changed), the p-value is exact for every n and every
    distribution; for pass or fail it is McNemar's exact test. Where only the means are equal it holds for large n, as
    the t-statistic is a monotone function of the one used. Bounds are those drops that the test does not reject: a
    swapped set S of pairs rejects all drops below ``sum_S(before - after) / sum_S(before)``.

    Args:
        before, after: scores of the same items in the same order, length n_items, finite and not negative.
        seed: of the swaps; the same seed and order give the same result.
        n_flips: random swaps, at least 99; p-values are no smaller than ``1 / (n_flips + 1)``.

    Returns:
        See :class:`PairedDrop`; with equal scores everywhere the drop is 0, p is 1 and both bounds are 0.

    Raises:
        BadInputError: different lengths, too few swaps, or a score that is negative or not finite.

    Source:
        Fisher (1935), The Design of Experiments, 21 (the test); Phipson and Smyth (2010), Stat. Appl. Genet. Mol. Biol.
        9(1), 39 (p-values of random swaps); Hartigan (1969), J. Am. Stat. Assoc. 64, 1303-1317 (bounds from means of
        random subsets); Janssen (1997), Stat. Probab. Lett. 36, 9-21 (equal means only).
    """
    first, second = _checked(before, after, n_flips)
    n_differing = int((first != second).sum())
    none = np.empty(0)
    if not len(first):
        return PairedDrop(0, 0, None, None, None, None, "no_items", none, none)
    mean, mean_after = (float(np.sort(each).mean()) for each in (first, second))
    if mean < NOUGHT:
        return PairedDrop(len(first), n_differing, mean, mean_after, None, None, "zero_mean", none, none)
    lows, highs = _subset_drops(first, second, seed, n_flips)
    p_value = (1 + int((lows <= 0).sum())) / (n_flips + 1)
    drop = (mean - mean_after) / mean
    return PairedDrop(len(first), n_differing, mean, mean_after, drop, p_value, None, lows, highs)


def _checked(before: npt.ArrayLike, after: npt.ArrayLike, n_flips: int) -> tuple[Floats, Floats]:
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise BadInputError(f"pairs need two lists of one length, got shapes {first.shape} and {second.shape}")
    both = np.concatenate([first, second])
    if not np.isfinite(both).all() or (both < 0).any():
        raise BadInputError("a relative drop needs finite scores that are not negative")
    if n_flips < 99:
        raise BadInputError(f"{n_flips} swaps cannot show anything at 5 %; take at least 99", n_flips=n_flips)
    return first, second


def _subset_drops(first: Floats, second: Floats, seed: int, n_flips: int) -> tuple[Floats, Floats]:
    """The relative drop within each random subset of the pairs, as lower and as upper bounds, ascending.

    A subset without scores before tells nothing of a relative drop: it holds no drop to be too small, and none to be
    too large unless it has scores after.
    """
    # einsum, not BLAS: its sums don't depend on how many threads run
    sums = [
        (np.einsum("fn,n->f", chosen, first), np.einsum("fn,n->f", chosen, second))
        for chosen in _subsets(len(first), n_flips, np.random.default_rng(seed))
    ]
    before, after = (np.concatenate(side) for side in zip(*sums, strict=True))
    empty = before < NOUGHT
    drops = np.round(1 - after / np.where(empty, 1.0, before), _DECIMALS)
    lows = np.where(empty, -np.inf, drops)
    highs = np.where(empty, np.where(after < NOUGHT, np.inf, -np.inf), drops)
    return np.sort(lows), np.sort(highs)


def _subsets(n: int, n_flips: int, random: np.random.Generator) -> Iterator[Floats]:
    """Random subsets as rows of 0 and 1, together shape (n_flips, n), a few at a time."""
    at_once = max(1, _CELLS // n)
    for start in range(0, n_flips, at_once):
        rows = min(at_once, n_flips - start)
        n_bytes = 8 * -(-n // 64)  # whole words, so that what is drawn does not depend on how many at once
        packed = np.frombuffer(random.bytes(rows * n_bytes), dtype=np.uint8).reshape(rows, n_bytes)
        yield np.unpackbits(packed, axis=1, count=n).astype(np.float64)
