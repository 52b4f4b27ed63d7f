"""Knowledge is found by meaning and by words, and never another tenant's."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.adapters.qdrant_memory import memory_store
from millrace.datasets.schema import rows_of, table_of
from millrace.ingestion.indexing import index_points, snapshot_name
from millrace.ports import VectorIndex
from millrace.records.document import Chunk
from millrace.records.exports import RagRow
from millrace.records.replay import ReplayTask
from millrace.records.trace import Turn
from millrace.replay.bundle import BundleConfig, knowledge_chunks
from millrace.replay.retrieval import query_of, retrieve_knowledge
from tests.support.embedder import HashedWords
from tests.support.replays import KNOWLEDGE, T0, rag_row

EMBEDDER = HashedWords()
CONFIG = BundleConfig()


def index_of(rows: Sequence[RagRow]) -> VectorIndex:
    chunks = rows_of(Chunk, knowledge_chunks(table_of(RagRow, rows)))
    vectors = EMBEDDER.embed([chunk.searchable() for chunk in chunks])
    store, name = memory_store(), snapshot_name(chunks, EMBEDDER.identity)
    store.build(name, index_points(chunks, vectors), dimension=EMBEDDER.dimension)
    return store.open(name)


@pytest.fixture(scope="module")
def index() -> Iterator[VectorIndex]:
    opened = index_of(KNOWLEDGE)
    yield opened
    opened.close()


def asked(question: str, tenant_id: str = "mill", history: Sequence[Turn] = ()) -> ReplayTask:
    return ReplayTask(question_id=question or "blank", tenant_id=tenant_id, time=T0, question=question, history=history)


def found(index: VectorIndex, task: ReplayTask, config: BundleConfig = CONFIG) -> dict[str, list[str]]:
    (bundled,) = retrieve_knowledge([task], index, EMBEDDER, config)
    return {purpose: [each.evidence_id for each in bundled.of(purpose)] for purpose in ("accepted", "warning")}


def test_a_task_is_given_what_stood_and_what_to_beware_of(index: VectorIndex) -> None:
    assert found(index, asked("How often is the pump tested?")) == {
        "accepted": ["pump"],  # the same text under another title counts once
        "warning": ["partly", "unseen"],
    }
    (bundled,) = retrieve_knowledge([asked("How often is the pump tested?")], index, EMBEDDER, CONFIG)
    assert [each.reason for each in bundled.of("warning")] == [
        "partially_accepted by a rule",
        "needs_human_review by a rule",
    ]


def test_tenants_see_their_own_knowledge_only(index: VectorIndex) -> None:
    question = "How often is the pump tested?"
    assert found(index, asked(question, "dam")) == {"accepted": ["theirs"], "warning": []}
    assert found(index, asked(question, "nobody")) == {"accepted": [], "warning": []}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=12))
def test_no_tenants_knowledge_reaches_another(rows: list[tuple[str, str]]) -> None:
    question = "How often is the pump tested?"
    known = [
        rag_row(f"{tenant}-{place}", question, f"The pump is tested {word} {place}", tenant_id=tenant)
        for place, (tenant, word) in enumerate(rows)
    ]
    opened = index_of(known)
    tasks = [asked(question, tenant) for tenant in "abcd"]
    bundles = retrieve_knowledge(tasks, opened, EMBEDDER, BundleConfig(n_accepted=20, min_similarity=-1))
    opened.close()
    for bundled in bundles:
        own = {row.evidence_id for row in known if row.tenant_id == bundled.task.tenant_id}
        assert {each.evidence_id for each in bundled.items} == own


def test_what_is_not_asked_for_is_not_searched_for(index: VectorIndex) -> None:
    question = asked("How often is the pump tested?")
    assert found(index, question, BundleConfig(n_warnings=0))["warning"] == []
    assert found(index, question, BundleConfig(n_accepted=0)) == {"accepted": [], "warning": ["partly", "unseen"]}
    assert found(index, question, BundleConfig(n_accepted=0, n_warnings=0)) == {"accepted": [], "warning": []}
    assert found(index, asked(""), BundleConfig(min_similarity=-1)) == {"accepted": [], "warning": []}


def test_words_find_what_vectors_rank_low() -> None:
    many = [rag_row(f"e{place}", "", f"the of and to in is it on {place}") for place in range(60)]
    needle = rag_row("needle", "", "the of and to in is it on sluice and thirty other words that make it a long text")
    opened = index_of([*many, needle])
    task = asked("the of and to in is it on sluice")
    (bundled,) = retrieve_knowledge([task], opened, EMBEDDER, BundleConfig(n_accepted=2, min_similarity=-1))
    opened.close()
    nearest, by_words = bundled.items  # each is the first of one ranking
    assert by_words.evidence_id == "needle"
    assert by_words.score < nearest.score


def test_the_score_is_the_cosine_whatever_found_the_piece(index: VectorIndex) -> None:
    (bundled,) = retrieve_knowledge([asked("Who opens the valve?")], index, EMBEDDER, CONFIG)
    (piece,) = bundled.of("accepted")
    first, second = EMBEDDER.embed(
        ["Who opens the valve?", "Who opens the valve?\nThe miller opens the valve by hand."]
    )
    assert piece.score == pytest.approx(float(first @ second), abs=1e-6)


def test_a_question_of_a_conversation_stands_alone_first(index: VectorIndex) -> None:
    follow_up = asked("And who opens it?", history=[Turn(speaker="user", text="Where is the valve of the mill?")])
    assert "valve" in query_of(follow_up)
    assert found(index, follow_up)["accepted"] == ["valve"]


def test_a_task_finds_the_same_alone_and_among_others(index: VectorIndex) -> None:
    questions = ["How often is the pump tested?", "Who opens the valve?", "What does the gauge show?"] * 15
    together = retrieve_knowledge([asked(each) for each in questions], index, EMBEDDER, CONFIG)
    alone = [retrieve_knowledge([asked(each)], index, EMBEDDER, CONFIG)[0] for each in questions[:3]]
    assert [each.items for each in together] == [each.items for each in alone] * 15
