"""Tells when two runs asked the same."""

from collections.abc import Iterable

from millrace.datasets.canonical import sha256_json
from millrace.methods.text import normalise_question


def question_key(tenant_id: str, question: str, history: Iterable[str]) -> str:
    """sha256 that is equal for the same tenant, question and turns before it; case, punctuation and space don't count.

    Args:
        history: texts of the turns before the question, oldest first.
    """
    return sha256_json([tenant_id, normalise_question(question), [normalise_question(text) for text in history]])
