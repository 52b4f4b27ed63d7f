"""Drafts to the passages they are answered from: each phrasing searched by vector and by terms, the rankings fused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from millrace.answering.draft import Draft, Passage, Step
from millrace.methods.fusion import reciprocal_rank_fusion
from millrace.methods.sparse import query_terms
from millrace.ports import Embedder, Search, SearchHit, SparseVector, VectorIndex, Vectors
from millrace.records.trace import RetrievedContext

_DRAFTS_AT_ONCE = 32  # bounds the hits in memory: each has a text and a vector


class RetrievalConfig(BaseModel):
    """How passages are searched for and how many are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["hybrid", "dense", "sparse"] = Field(
        "hybrid", description="Search by vector (dense), by terms with BM25 (sparse), or by both and fuse (hybrid)"
    )
    n_passages: int = Field(5, ge=1, le=50, description="Passages kept for a question")
    n_candidates: int = Field(50, ge=1, le=1000, description="Hits of each search, before they are fused")
    min_score: float = Field(
        -1.0, ge=-1, le=1, description="Passages with a cosine to the question below it are left out"
    )
    where: dict[str, str] = Field(
        {}, description="Fields that a passage has with exactly these values, such as doc_id, user_id or own metadata"
    )

    @model_validator(mode="after")
    def _enough_candidates(self) -> Self:
        if self.n_candidates < self.n_passages:
            raise ValueError(f"n_candidates ({self.n_candidates}) must be at least n_passages ({self.n_passages})")
        return self


@dataclass(frozen=True, eq=False)
class _Query:
    """What a text is searched by."""

    vector: Vectors
    terms: SparseVector


def retrieve_drafts(
    drafts: Sequence[Draft],
    index: VectorIndex,
    embedder: Embedder,
    config: RetrievalConfig,
) -> list[Step]:
    """Give each draft its tenant's best passages and its query's vector.

    Every phrasing is searched for in the tenant's points, by vector and by terms as the mode says, and all its rankings
    are joined by reciprocal rank fusion. A passage's score is its cosine to the draft's query, whatever found it, so
    scores do not fall with rank. A draft whose route needs no passages is left as it is.

    Facts: ``mode``, ``snapshot``, ``n_phrasings``, ``n_candidates`` (different passages found), ``n_passages``,
    ``top_score`` (largest cosine; left out without passages); or ``skipped`` with the reason.
    """
    searched = [draft for draft in drafts if not draft.direct]
    queries = _queries([text for draft in searched for text in (draft.query, *draft.phrasings)], embedder)
    starts = range(0, len(searched), _DRAFTS_AT_ONCE)
    blocks = (searched[start : start + _DRAFTS_AT_ONCE] for start in starts)
    found = (step for block in blocks for step in _search(block, queries, index, config))
    return [
        Step(draft, {"skipped": f"the route {draft.route} needs no passages"}) if draft.direct else next(found)
        for draft in drafts
    ]


def _queries(texts: Sequence[str], embedder: Embedder) -> dict[str, _Query]:
    distinct = list(dict.fromkeys(texts))
    pairs = zip(embedder.embed(distinct), query_terms(distinct), strict=True)
    return {text: _Query(vector, terms) for text, (vector, terms) in zip(distinct, pairs, strict=True)}


def _search(
    drafts: Sequence[Draft], queries: Mapping[str, _Query], index: VectorIndex, config: RetrievalConfig
) -> Iterator[Step]:
    searches = [list(_searches(draft, queries, config)) for draft in drafts]
    answers = iter(index.search([search for own in searches for search in own]))
    for draft, own in zip(drafts, searches, strict=True):
        yield _step(draft, [next(answers) for _ in own], queries[draft.query].vector, index.snapshot, config)


def _searches(draft: Draft, queries: Mapping[str, _Query], config: RetrievalConfig) -> Iterator[Search]:
    for text in dict.fromkeys(draft.phrasings):
        query = queries[text]
        search = Search(draft.question.tenant_id, query.vector, config.n_candidates, where=config.where)
        if config.mode != "sparse":
            yield search
        if config.mode != "dense":
            yield replace(search, terms=query.terms)


def _step(
    draft: Draft, rankings: Sequence[Sequence[SearchHit]], query: Vectors, snapshot: str, config: RetrievalConfig
) -> Step:
    hits = {hit.point_id: hit for ranking in rankings for hit in ranking}
    fused = reciprocal_rank_fusion([[hit.point_id for hit in ranking] for ranking in rankings])
    scored = [(hits[point_id], _cosine(hits[point_id].vector, query)) for point_id, _ in fused]
    kept = [(hit, score) for hit, score in scored if score >= config.min_score][: config.n_passages]
    facts = {
        "mode": config.mode,
        "snapshot": snapshot,
        "n_phrasings": len(set(draft.phrasings)),
        "n_candidates": len(hits),
        "n_passages": len(kept),
        "top_score": max((score for _, score in kept), default=None),
    }
    passages = tuple(_passage(hit, score) for hit, score in kept)
    return Step(replace(draft, passages=passages, query_vector=query), facts)


def _passage(hit: SearchHit, score: float) -> Passage:
    context = RetrievedContext(
        context_id=hit.point_id,
        text=hit.payload["text"],
        doc_id=hit.payload.get("doc_id"),
        title=hit.payload.get("title"),
        score=score,
    )
    return Passage(context, hit.vector.copy())  # a view would keep all candidates' vectors in memory


def _cosine(first: Vectors, second: Vectors) -> float:
    """Of vectors of norm 1; the hit's own score is to the phrasing that found it, not to the draft's query."""
    return min(1.0, max(-1.0, float((first.astype(np.float64) * second.astype(np.float64)).sum())))
