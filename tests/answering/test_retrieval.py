"""Passages are searched within the tenant, for a question that may lean on the turn before it."""

from collections.abc import Callable

from millrace.answering.retrieval import retrieval_query, retrieve
from millrace.answering.traces import Answerer
from millrace.records.answer import Question
from millrace.records.trace import Turn, utc


def question(text: str, *history: Turn) -> Question:
    return Question(question_id="q", tenant_id="t", time=utc(2026, 1, 1), question=text, history=list(history))


def test_a_short_follow_up_is_searched_with_the_users_turn_before_it() -> None:
    turns = Turn(speaker="user", text="How are tasks retried?"), Turn(speaker="assistant", text="Three times.")
    assert retrieval_query(question("And flows?", *turns)) == "How are tasks retried?\nAnd flows?"
    assert retrieval_query(question("And flows?")) == "And flows?"
    full = "Where are old results deleted?"
    assert retrieval_query(question(full, *turns)) == full


def test_passages_come_best_first_with_document_title_and_score(make_answerer: Callable[..., Answerer]) -> None:
    answerer = make_answerer()
    (vector,) = answerer.embedder.embed(["old results deleted garbage"])
    contexts = retrieve(answerer.index, vector, tenant_id="acme", limit=2)
    best = contexts[0]
    assert (best.context_id, best.doc_id, best.title) == ("storage", "storage.md", "storage")
    assert contexts[0].score is not None
    assert contexts[0].score > (contexts[1].score or 0)


def test_another_tenant_finds_nothing(make_answerer: Callable[..., Answerer]) -> None:
    answerer = make_answerer()
    (vector,) = answerer.embedder.embed(["old results deleted garbage"])
    assert retrieve(answerer.index, vector, tenant_id="other", limit=2) == []
