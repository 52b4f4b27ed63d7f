"""Several rankings of the same items made into one."""

from collections.abc import Sequence
from math import fsum

from millrace.errors import BadInputError

RANK_OFFSET = 60


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[str]], *, rank_offset: int = RANK_OFFSET
) -> list[tuple[str, float]]:
    """Items of all rankings with their fused scores, best first.

    An item's score is the sum of ``1 / (rank_offset + rank)`` over the rankings that have it, ranks from 1. Only ranks
    count, so rankings by scores of different units can be joined. The order of the rankings changes nothing.

    Args:
        rankings: items best first, each at most once a ranking.
        rank_offset: at least 0; the larger, the less a first place counts beside many middle ones.

    Returns:
        Each item once; equal scores by the better best rank, then by name. Empty for no items.

    Raises:
        BadInputError: an item twice in a ranking, or a negative offset.

    Source:
        Cormack, Clarke and Buettcher (2009), Reciprocal rank fusion outperforms Condorcet and individual rank learning
        methods, SIGIR, 758-759; 60 is theirs.
    """
    if rank_offset < 0:
        raise BadInputError(f"an offset of ranks is at least 0, got {rank_offset}", rank_offset=rank_offset)
    ranks: dict[str, list[int]] = {}
    for ranking in rankings:
        if len(set(ranking)) < len(ranking):
            raise BadInputError("a ranking names an item twice; keep its better place")
        for rank, item in enumerate(ranking, start=1):
            ranks.setdefault(item, []).append(rank)
    # Rounded once, so that the sum does not depend on the order of its terms.
    scored = [(item, fsum(1 / (rank_offset + rank) for rank in found)) for item, found in ranks.items()]
    return sorted(scored, key=lambda each: (-each[1], min(ranks[each[0]]), each[0]))
