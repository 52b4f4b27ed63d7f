"""Knowledge for tasks out of the vector index (D12): each tenant's own, by meaning and by terms, rankings fused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from millrace.methods.fusion import reciprocal_rank_fusion
from millrace.methods.sparse import query_terms
from millrace.methods.standalone import standalone_question, user_turns
from millrace.ports import Embedder, Search, SearchHit, SparseVector, VectorIndex, Vectors
from millrace.records.replay import BundleItem, ReplayTask
from millrace.replay.bundle import (
    PURPOSE_FIELD,
    PURPOSES,
    REASON_FIELD,
    BundleConfig,
    Bundled,
    Purpose,
    bundle_items,
)

_N_CANDIDATES = 50  # of each search: enough to fuse, and to leave out equal texts
_TASKS_AT_ONCE = 32  # bounds the hits in memory: each has a text and a vector


def retrieve_knowledge(
    tasks: Sequence[ReplayTask], index: VectorIndex, embedder: Embedder, config: BundleConfig
) -> list[Bundled]:
    """Each task with what its own tenant knows of it; a blank question finds nothing.

    A question of a conversation is made to stand alone first, by rules. Accepted pieces and warnings are searched for
    apart, each by vector and by terms, and the two rankings joined by reciprocal rank fusion. A piece's score is its
    cosine to the question, whatever found it, so scores need not fall with rank.
    """
    bundles: list[Bundled] = []
    for start in range(0, len(tasks), _TASKS_AT_ONCE):
        bundles += _some(tasks[start : start + _TASKS_AT_ONCE], index, embedder, config)
    return bundles


def query_of(task: ReplayTask) -> str:
    """What knowledge is searched for by: the question, with the words it leaves to the turns before it."""
    turns = user_turns((turn.speaker, turn.text) for turn in task.history)
    return standalone_question(task.question, turns)


def _some(
    tasks: Sequence[ReplayTask], index: VectorIndex, embedder: Embedder, config: BundleConfig
) -> Iterator[Bundled]:
    queries = [query_of(task) for task in tasks]
    vectors, terms = embedder.embed(queries), query_terms(queries)
    purposes = [purpose for purpose in PURPOSES if config.wanted(purpose)]
    searches = [
        search
        for task, vector, words in zip(tasks, vectors, terms, strict=True)
        for purpose in purposes
        for search in _searches(task.tenant_id, vector, words, purpose)
    ]
    hits = iter(index.search(searches))
    for task, vector in zip(tasks, vectors, strict=True):
        found = [
            item for purpose in purposes for item in _fused(purpose, [next(hits), next(hits)], vector)
        ]  # two searches a purpose
        yield Bundled(task, bundle_items(found, config))


def _searches(tenant_id: str, vector: Vectors, terms: SparseVector, purpose: Purpose) -> tuple[Search, Search]:
    by_vector = Search(tenant_id, vector, _N_CANDIDATES, where={PURPOSE_FIELD: purpose})
    return by_vector, replace(by_vector, terms=terms)


def _fused(purpose: Purpose, rankings: Sequence[Sequence[SearchHit]], vector: Vectors) -> Iterator[BundleItem]:
    hits = {hit.point_id: hit for ranking in rankings for hit in ranking}
    for point_id, _ in reciprocal_rank_fusion([[hit.point_id for hit in ranking] for ranking in rankings]):
        hit = hits[point_id]
        yield BundleItem(
            evidence_id=point_id,
            purpose=purpose,
            title=hit.payload["title"],
            text=hit.payload["text"],
            reason=hit.payload[REASON_FIELD],
            score=_cosine(hit.vector, vector),
        )


def _cosine(first: Vectors, second: Vectors) -> float:
    """Of vectors of norm 1, summed in an order that does not depend on how many there are."""
    return min(1.0, max(-1.0, float((first.astype(np.float64) * second.astype(np.float64)).sum())))
