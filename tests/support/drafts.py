"""Drafts as the stages before hand them on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from millrace.answering.draft import Draft, Passage
from millrace.ports import Vectors
from millrace.records.answer import Question
from millrace.records.trace import RetrievedContext, Turn, utc

NO_VECTOR: Vectors = np.zeros(2, dtype=np.float32)


def draft(text: str, *passages: str, route: str = "rag_knowledge_base", **fields: Any) -> Draft:
    """A question with its passages, whose ids are c1, c2 ..."""
    asked = Question(
        question_id=text,
        tenant_id="acme",
        time=utc(2026, 1, 1),
        question=text,
        history=list(fields.pop("history", ())),
    )
    known = {"query": text, "phrasings": (text,), "passages": shown(passages)} | fields
    return Draft(question=asked, route=route, **known)


def shown(texts: Sequence[str]) -> tuple[Passage, ...]:
    contexts = [RetrievedContext(context_id=f"c{n}", text=text) for n, text in enumerate(texts, start=1)]
    return tuple(Passage(context, NO_VECTOR) for context in contexts)


def user(text: str) -> Turn:
    return Turn(speaker="user", text=text)
