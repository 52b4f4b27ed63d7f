"""Drafts with passages, for the stages that narrow them down."""

from collections.abc import Sequence

import numpy as np

from millrace.answering.draft import Draft, Passage
from millrace.ports import Vectors
from millrace.records.answer import Question
from millrace.records.trace import RetrievedContext, utc


def passage(text: str, vector: Sequence[float] = (1.0, 0.0), name: str | None = None, score: float = 0.5) -> Passage:
    context = RetrievedContext(context_id=name or text[:20] or "blank", text=text, score=score)
    return Passage(context, np.array(vector, dtype=np.float32))


def draft_of(query: str, passages: Sequence[Passage], route: str = "rag_knowledge_base") -> Draft:
    asked = Question(question_id="q", tenant_id="acme", time=utc(2026, 1, 1), question=query)
    return Draft(question=asked, query=query, phrasings=(query,), route=route, passages=tuple(passages))


def texts_of(draft: Draft) -> list[str]:
    return [each.context.text for each in draft.passages]


def names_of(draft: Draft) -> list[str]:
    return [each.context.context_id for each in draft.passages]


def unit(*values: float) -> Vectors:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)
