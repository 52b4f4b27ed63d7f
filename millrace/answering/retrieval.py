"""Questions to the passages they are answered from."""

from millrace.methods.text import content_words
from millrace.ports import VectorIndex, Vectors
from millrace.records.answer import Question
from millrace.records.trace import RetrievedContext

_ENOUGH_WORDS = 3


def retrieval_query(question: Question) -> str:
    """What is searched for: the question, after the user's turn before it when it says too little by itself.

    "And in Docker?" has fewer than three words of content; alone it would find anything about Docker.
    """
    earlier = [turn.text for turn in question.history if turn.speaker == "user"]
    if earlier and len(content_words(question.question)) < _ENOUGH_WORDS:
        return f"{earlier[-1]}\n{question.question}"
    return question.question


def retrieve(index: VectorIndex, vector: Vectors, *, tenant_id: str, limit: int) -> list[RetrievedContext]:
    """The tenant's ``limit`` nearest passages, best first; empty for a tenant without passages."""
    return [
        RetrievedContext(
            context_id=hit.point_id,
            text=hit.payload["text"],
            doc_id=hit.payload.get("doc_id"),
            title=hit.payload.get("title"),
            score=hit.score,
        )
        for hit in index.search(vector, tenant_id=tenant_id, limit=limit)
    ]
