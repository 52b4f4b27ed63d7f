"""How good a ranking is, given what is relevant; as trec_eval defines it."""

from collections.abc import Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import fsum, log2
from typing import TypeVar

from millrace.errors import BadInputError

Item = TypeVar("Item", bound=Hashable)


def average_precision(ranking: Sequence[Item], relevant: AbstractSet[Item]) -> float | None:
    """Mean, over all relevant items, of the precision at the item's rank; 0 for an item that is not ranked.

    Args:
        ranking: items best first, each once.
        relevant: what should be found.

    Returns:
        In [0, 1]; None when nothing is relevant. Its mean over queries is MAP.

    Raises:
        BadInputError: an item is ranked twice.

    Source:
        Buckley and Voorhees (2000), Evaluating evaluation measure stability, SIGIR, 33-40.
    """
    hits = _hits(ranking, relevant)
    ranks = [rank for rank, hit in enumerate(hits, start=1) if hit]
    return fsum(n_found / rank for n_found, rank in enumerate(ranks, start=1)) / len(relevant) if relevant else None


def precision_at(k: int, ranking: Sequence[Item], relevant: AbstractSet[Item]) -> float:
    """Share of the first ``k`` places that hold a relevant item; in [0, 1], places that are not filled count.

    Raises:
        BadInputError: k under 1, or an item is ranked twice.
    """
    return sum(_hits(ranking, relevant)[: _place(k)]) / k


def recall_at(k: int, ranking: Sequence[Item], relevant: AbstractSet[Item]) -> float | None:
    """Share of the relevant items that are among the first ``k``; in [0, 1], None when nothing is relevant.

    Raises:
        BadInputError: k under 1, or an item is ranked twice.
    """
    n_found = sum(_hits(ranking, relevant)[: _place(k)])
    return n_found / len(relevant) if relevant else None


def ndcg_at(k: int, ranking: Sequence[Item], gains: Mapping[Item, float]) -> float | None:
    """Normalised discounted cumulative gain of the first ``k``: gain over log2(rank + 1), as a share of the best.

    Args:
        ranking: items best first, each once.
        gains: of the relevant items, each at least 0; other items gain nothing.

    Returns:
        In [0, 1]; None when nothing has a gain.

    Raises:
        BadInputError: k under 1, a negative gain, or an item is ranked twice.

    Source:
        Jaervelin and Kekaelaeinen (2002), Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 422-446.
    """
    if any(gain < 0 for gain in gains.values()):
        raise BadInputError("a gain is at least 0")
    _hits(ranking, frozenset())
    best = _discounted(sorted(gains.values(), reverse=True)[: _place(k)])
    found = _discounted([gains.get(item, 0.0) for item in ranking[:k]])
    return min(1.0, found / best) if best else None


def _discounted(gains: Sequence[float]) -> float:
    return fsum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _hits(ranking: Sequence[Item], relevant: AbstractSet[Item]) -> list[bool]:
    if len(set(ranking)) < len(ranking):
        raise BadInputError("a ranking names an item twice; keep its better place")
    return [item in relevant for item in ranking]


def _place(k: int) -> int:
    if k < 1:
        raise BadInputError(f"places are counted from 1, got {k}", k=k)
    return k
