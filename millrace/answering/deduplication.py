"""Drops passages that say nearly the same as a better one (A6)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.draft import Draft, Step
from millrace.ports import Vectors

_ROUNDING = 1e-6  # of the norm of float32 unit vectors: equal vectors reach a threshold of 1


class DeduplicationConfig(BaseModel):
    """How alike two passages must be for the second to be dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(0.95, gt=0, le=1, description="Cosine from which a passage repeats a better one")


def distinct_rows(vectors: Sequence[Vectors], threshold: float) -> list[int]:
    """Places of the vectors that are near none of those kept before them, in order.

    Every vector left out is near a kept one. Chains are not followed: if A is near B and B near C, but A not near C,
    then A and C are kept.

    Args:
        vectors: best first, each of shape (dimension,) and norm 1, or zero for an empty text; zeros are near nothing.
        threshold: cosine in (0, 1].
    """
    kept: list[int] = []
    wide = np.array(vectors, dtype=np.float64)
    for row in range(len(wide)):
        # Summed row by row: a matrix product's last bits depend on how many rows it has.
        cosines = (wide[kept] * wide[row]).sum(axis=1)
        if not (cosines >= threshold - _ROUNDING).any():
            kept.append(row)
    return kept


def deduplicate_drafts(drafts: Sequence[Draft], config: DeduplicationConfig) -> list[Step]:
    """Each draft with the best of every group of near-duplicate passages; the order stays."""
    return [_deduplicated(draft, config.threshold) for draft in drafts]


def _deduplicated(draft: Draft, threshold: float) -> Step:
    kept = distinct_rows([passage.vector for passage in draft.passages], threshold)
    passages = tuple(draft.passages[place] for place in kept)
    facts = {"n_dropped": len(draft.passages) - len(kept), "n_passages": len(kept), "threshold": threshold}
    return Step(replace(draft, passages=passages), facts)
