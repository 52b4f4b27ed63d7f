"""Drafts get their tenant's best passages: each phrasing searched by vector and by terms, the rankings fused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from millrace.adapters.qdrant_edge import QdrantEdgeStore
from millrace.answering.draft import Draft, Step
from millrace.answering.retrieval import RetrievalConfig, retrieve_drafts
from millrace.ingestion.indexing import index_points
from millrace.methods.fusion import reciprocal_rank_fusion
from millrace.methods.sparse import query_terms
from millrace.ports import Search, VectorIndex, Vectors
from millrace.records.answer import Question
from millrace.records.document import Chunk, MetadataField
from millrace.records.trace import utc
from tests.support.embedder import HashedWords

PASSAGES = {
    "retries": "A failed task is retried three times before the worker gives up.",
    "delays": "Between two tries the worker waits ten seconds, then twenty.",
    "storage": "Old results are deleted by the garbage collector of the home folder.",
    "flags": "The flag --no-cache of the command line leaves results out of the cache.",
}


def chunk(name: str, text: str, tenant_id: str = "acme") -> Chunk:
    return Chunk(
        chunk_id=name,
        doc_id=f"{name}.md",
        tenant_id=tenant_id,
        user_id="ops",
        title=name,
        headings=[],
        text=text,
        start=0,
        end=len(text),
        position=0,
        metadata=[MetadataField(name="team", value="storage" if name == "storage" else "runs")],
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    chunks = [chunk(name, text) for name, text in PASSAGES.items()]
    chunks += [chunk("retries", "The other tenant's tasks are never retried.", "other")]
    vectors = HashedWords().embed([each.searchable() for each in chunks])
    store = QdrantEdgeStore(Path(tmp_path_factory.mktemp("index")))
    store.build("one", index_points(chunks, vectors), dimension=HashedWords.dimension)
    opened = store.open("one")
    yield opened
    opened.close()


def draft(text: str, *others: str, tenant_id: str = "acme", route: str = "rag_knowledge_base") -> Draft:
    asked = Question(question_id="q", tenant_id=tenant_id, time=utc(2026, 1, 1), question=text)
    return Draft(asked, query=text, phrasings=(text, *others), route=route)


def retrieved(index: VectorIndex, *drafts: Draft, **settings: object) -> list[Step]:
    return retrieve_drafts(drafts, index, HashedWords(), RetrievalConfig.model_validate(settings))


def ids(step: Step) -> list[str]:
    return [passage.context.context_id for passage in step.draft.passages]


def test_a_passage_comes_with_text_document_cosine_and_vector(index: VectorIndex) -> None:
    asked = "How often is a failed task retried?"
    (step,) = retrieved(index, draft(asked), n_passages=1)
    (passage,) = step.draft.passages
    context = passage.context
    assert (context.context_id, context.doc_id, context.title) == ("retries", "retries.md", "retries")
    assert context.text == PASSAGES["retries"]
    (query,) = HashedWords().embed([asked])
    assert step.draft.query_vector is not None
    assert step.draft.query_vector.tobytes() == query.tobytes()
    assert context.score == pytest.approx(float(passage.vector @ query), abs=1e-6)
    assert np.linalg.norm(passage.vector) == pytest.approx(1, abs=1e-6)


def test_the_facts_say_what_was_searched_and_what_was_found(index: VectorIndex) -> None:
    (step,) = retrieved(index, draft("failed tasks", "tasks that fail", "failed tasks"), n_passages=2)
    facts = dict(step.facts)
    scores = [passage.context.score for passage in step.draft.passages]
    assert facts.pop("top_score") == max(score for score in scores if score is not None)
    assert facts == {"mode": "hybrid", "snapshot": "one", "n_phrasings": 2, "n_candidates": 4, "n_passages": 2}


def rankings(index: VectorIndex, phrasings: Sequence[str], *modes: str) -> list[list[str]]:
    found = []
    for text, vector, terms in zip(phrasings, HashedWords().embed(phrasings), query_terms(phrasings), strict=True):
        assert text
        by_mode = {"dense": Search("acme", vector, 50), "sparse": Search("acme", vector, 50, terms)}
        found += [[hit.point_id for hit in index.search([by_mode[mode]])[0]] for mode in modes]
    return found


@pytest.mark.parametrize(
    ("mode", "modes"), [("hybrid", ("dense", "sparse")), ("dense", ("dense",)), ("sparse", ("sparse",))]
)
def test_the_order_is_that_of_the_fused_rankings_of_all_phrasings(
    index: VectorIndex, mode: str, modes: tuple[str, ...]
) -> None:
    phrasings = ("When does the worker wait?", "worker seconds", "deleted results")
    expected = [name for name, _ in reciprocal_rank_fusion(rankings(index, phrasings, *modes))]
    (step,) = retrieved(index, draft(*phrasings), mode=mode)
    assert ids(step) == expected


def test_terms_find_only_what_shares_a_word_and_still_tell_the_cosine_to_the_query(index: VectorIndex) -> None:
    (step,) = retrieved(index, draft("garbage", "collector"), mode="sparse")
    assert ids(step) == ["storage"]
    (query,) = HashedWords().embed(["garbage"])
    (passage,) = step.draft.passages
    assert passage.context.score == pytest.approx(float(passage.vector @ query), abs=1e-6)


def test_a_further_phrasing_brings_what_the_question_does_not_find(index: VectorIndex) -> None:
    alone, helped = retrieved(index, draft("waste"), draft("waste", "garbage collector"), mode="sparse")
    assert (ids(alone), ids(helped)) == ([], ["storage"])


def test_drafts_keep_their_order_and_their_tenants(index: VectorIndex) -> None:
    asked = "How often is a task retried?"
    drafts = [draft(asked, tenant_id=name) for name in ("acme", "other", "nobody")] * 30  # more than one block
    steps = retrieved(index, *drafts, n_passages=1)
    texts = [[passage.context.text for passage in step.draft.passages] for step in steps]
    assert texts == [[PASSAGES["retries"]], ["The other tenant's tasks are never retried."], []] * 30
    assert "top_score" not in {name for name, value in steps[2].facts.items() if value is not None}
    assert [step.draft.question for step in steps] == [each.question for each in drafts]


def test_a_direct_route_is_left_as_it_is_and_says_so(index: VectorIndex) -> None:
    direct, searched = replace(draft("Hello!", route="direct_llm"), direct=True), draft("Where are old results?")
    first, second, third = retrieved(index, direct, searched, direct)
    assert first.draft is direct
    assert first.facts == third.facts == {"skipped": "the route direct_llm needs no passages"}
    assert ids(second)


def test_filters_and_the_least_score_leave_passages_out(index: VectorIndex) -> None:
    asked = draft("What happens to old results?")
    (everything,), (filtered,) = retrieved(index, asked), retrieved(index, asked, where={"team": "storage"})
    assert len(ids(everything)) == 4
    assert ids(filtered) == ["storage"]
    scores = sorted(passage.context.score or 0 for passage in everything.draft.passages)
    (near,) = retrieved(index, asked, min_score=scores[-1])
    assert (ids(near), near.facts["n_candidates"]) == (["storage"], 4)


def test_a_blank_query_finds_nothing(index: VectorIndex) -> None:
    (step,) = retrieved(index, draft(" "))
    assert (ids(step), step.facts["n_passages"]) == ([], 0)


def test_no_drafts_are_no_work(index: VectorIndex) -> None:
    assert retrieved(index) == []


def test_all_phrasings_are_embedded_at_once_and_each_once(index: VectorIndex) -> None:
    seen: list[list[str]] = []

    class Counting(HashedWords):
        def embed(self, texts: Sequence[str]) -> Vectors:
            seen.append(list(texts))
            return super().embed(texts)

    retrieve_drafts([draft("a b", "c"), draft("c", "a b")] * 40, index, Counting(), RetrievalConfig())
    assert seen == [["a b", "c"]]


def test_kept_vectors_do_not_hold_those_of_all_candidates(index: VectorIndex) -> None:
    (step,) = retrieved(index, draft("failed task"))
    assert all(passage.vector.base is None for passage in step.draft.passages)


@pytest.mark.parametrize(
    "settings",
    [{"n_passages": 0}, {"n_passages": 51}, {"n_candidates": 4}, {"mode": "both"}, {"k": 1}, {"min_score": 2}],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RetrievalConfig.model_validate(settings)


def test_a_hit_of_an_earlier_phrasing_keeps_the_drafts_own_score(index: VectorIndex) -> None:
    text = "failed task"
    (alone,) = retrieved(index, draft(text), mode="dense")
    (joined,) = retrieved(index, replace(draft(text), phrasings=(text, "garbage folder")), mode="dense")
    own = {passage.context.context_id: passage.context.score for passage in alone.draft.passages}
    assert {passage.context.context_id: passage.context.score for passage in joined.draft.passages} == own
