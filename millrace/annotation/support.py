"""What the passages support: levels of sentences, and the words that a sentence shares with a passage.

Offsets are characters of the text as given, end exclusive.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Literal

from millrace.methods.text import TextSpan, content_words, sentence_spans
from millrace.records.groundedness import SentenceSupport

SupportLevel = Literal["supported", "doubtful", "unsupported"]

SUPPORTED_FROM = 0.55  # the bound below which triage calls an answer ungrounded
UNSUPPORTED_BELOW = 0.35
_TOKEN = re.compile(r"\w+(?:[.,'\u2019]\w+)*")


def support_level(support: float) -> SupportLevel:
    """The level of a sentence's support, a number in [0, 1]."""
    if support >= SUPPORTED_FROM:
        return "supported"
    return "unsupported" if support < UNSUPPORTED_BELOW else "doubtful"


def sentences_within(answer: str, sentences: Sequence[SentenceSupport]) -> list[SentenceSupport]:
    """The sentences in order of their place; those that lie outside the answer or over an earlier one are left out."""
    kept: list[SentenceSupport] = []
    end = 0
    for each in sorted(sentences, key=lambda sentence: (sentence.start, sentence.end)):
        if end <= each.start < each.end <= len(answer):
            kept.append(each)
            end = each.end
    return kept


def shared_words(sentence: str, passage: str) -> list[TextSpan]:
    """Where the passage has content words of the sentence, in order; empty when they share none.

    Words count as equal in the form of ``content_words``: case, plural and possessive aside.
    """
    wanted = set(content_words(sentence))
    if not wanted:
        return []

    @cache  # long passages repeat their words
    def is_shared(token: str) -> bool:
        return not wanted.isdisjoint(content_words(token))

    return [TextSpan(match.start(), match.end()) for match in _TOKEN.finditer(passage) if is_shared(match[0])]


def nearest_sentence(passage: str, shared: Sequence[TextSpan]) -> TextSpan | None:
    """The passage's sentence that holds the most different shared words, the first of equals; None without any."""
    starts = [span.start for span in shared]
    best: tuple[int, TextSpan] | None = None
    for span in sentence_spans(passage):
        inside = shared[bisect_left(starts, span.start) : bisect_left(starts, span.end)]
        n_words = len({passage[word.start : word.end].casefold() for word in inside})
        if n_words and (best is None or n_words > best[0]):
            best = (n_words, span)
    return None if best is None else best[1]
