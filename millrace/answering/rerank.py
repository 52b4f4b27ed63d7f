"""Orders passages by a model that reads question and passage together (A7)."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.draft import Draft, Step
from millrace.errors import UnavailableError
from millrace.ports import PairScorer

NO_RERANKER = "none"


class RerankConfig(BaseModel):
    """How many passages go on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_passages: int = Field(5, ge=1, le=100, description="Best passages that go on, whether reranked or not")


def rerank_drafts(drafts: Sequence[Draft], scorer: PairScorer | None, config: RerankConfig) -> list[Step]:
    """Each draft with its best passages, best first; those of equal score stay in the order of retrieval.

    All pairs of all drafts are scored in one call. A passage's ``context.score`` stays the cosine of retrieval, which
    later stages and triage read; only the order tells what the reranker found.

    Without a scorer, and when it is not available, the order of retrieval stays; the facts say so.
    """
    if scorer is None:
        return [_in_order(draft, range(len(draft.passages)), config, reranker=NO_RERANKER) for draft in drafts]
    pairs = [(draft.query, passage.context.text) for draft in drafts for passage in draft.passages]
    try:
        scores = iter(scorer.score(pairs) if pairs else [])
    except UnavailableError as error:
        facts: dict[str, object] = {"reranker": scorer.identity, "not_reranked": str(error)}
        return [_in_order(draft, range(len(draft.passages)), config, **facts) for draft in drafts]
    return [_reranked(draft, [next(scores) for _ in draft.passages], scorer.identity, config) for draft in drafts]


def _reranked(draft: Draft, scores: list[float], reranker: str, config: RerankConfig) -> Step:
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    moved = sum(place != rank for rank, place in enumerate(order[: config.max_passages]))
    top = max(scores, default=None)
    return _in_order(draft, order, config, reranker=reranker, top_score=top, n_moved=moved)


def _in_order(draft: Draft, order: Sequence[int], config: RerankConfig, **facts: object) -> Step:
    passages = tuple(draft.passages[place] for place in order[: config.max_passages])
    counts = {"n_passages": len(passages), "n_dropped": len(draft.passages) - len(passages)}
    return Step(replace(draft, passages=passages), {**counts, **facts})
