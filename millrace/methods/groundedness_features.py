"""How much of an answer's sentence is found in the passages, word by word."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TypeVar

from millrace.methods.text import bigrams, content_words, names, numbers, sentence_spans, without_list_marker

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class PassageSentence:
    """A sentence of a passage, and its distinct content words."""

    text: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class PassageEvidence:
    """What a passage can support; computed once per distinct passage."""

    sentences: tuple[PassageSentence, ...]
    words: frozenset[str]
    bigrams: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LexicalSupport:
    """The shares of an answer's sentence that the passages support or leave unsupported, each in [0, 1].

    Attributes:
        start, end: characters of the answer, end exclusive, without a list marker.
        n_words: content words, at least 1.
        words: share of content words found in a passage.
        bigrams: share of neighbouring content words found as neighbours in one passage sentence; ``words`` when the
            sentence has a single word.
        unsupported_numbers, unsupported_names: share found neither in a passage nor in what was said before; 0 when the
            sentence has none.
    """

    start: int
    end: int
    n_words: int
    words: float
    bigrams: float
    unsupported_numbers: float
    unsupported_names: float


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of an answer, tokenised."""

    start: int
    end: int
    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]


def passage_evidence(text: str) -> PassageEvidence:
    """A passage's sentences, words and neighbouring words."""
    tokens = {sentence: content_words(sentence) for sentence in _texts(text)}
    return PassageEvidence(
        sentences=tuple(PassageSentence(sentence, frozenset(words)) for sentence, words in tokens.items() if words),
        words=frozenset(word for words in tokens.values() for word in words),
        bigrams=frozenset(pair for words in tokens.values() for pair in bigrams(words)),
    )


def answer_sentences(answer: str) -> list[AnswerSentence]:
    """The answer's sentences that have a content word, in order."""
    found = []
    for start, end in sentence_spans(answer):
        text = without_list_marker(answer[start:end])
        words = content_words(text)
        if words:
            found.append(AnswerSentence(end - len(text), end, text, tuple(words), tuple(names(text))))
    return found


def lexical_support(
    sentence: AnswerSentence, passages: Sequence[PassageEvidence], said_before: Callable[[], Set[str]]
) -> LexicalSupport:
    """Compare a sentence with the passages.

    Args:
        sentence: from ``answer_sentences``.
        passages: the evidence of the trace's passages.
        said_before: gives the content words of the question and of earlier turns, asked for only when a number or a
            name is in no passage: one that the conversation brought up is no invention.
    """
    own_words, pairs = frozenset(sentence.words + sentence.names), bigrams(sentence.words)
    own_pairs = frozenset(pairs)
    known = frozenset[str]().union(*(own_words & passage.words for passage in passages))
    known_pairs = frozenset[tuple[str, str]]().union(*(own_pairs & passage.bigrams for passage in passages))
    in_words = _share(sentence.words, known)
    return LexicalSupport(
        start=sentence.start,
        end=sentence.end,
        n_words=len(sentence.words),
        words=in_words,
        bigrams=_share(pairs, known_pairs) if pairs else in_words,
        unsupported_numbers=_unsupported(numbers(sentence.words), known, said_before),
        unsupported_names=_unsupported(sentence.names, known, said_before),
    )


def nearest_sentences(
    sentence: AnswerSentence, passages: Sequence[PassageEvidence], limit: int
) -> list[tuple[int, str]]:
    """Passage sentences that share most distinct content words: (index of the passage, text), most first.

    Ties go to the earlier passage, then to the earlier sentence. Sentences that share no word are left out.
    """
    wanted = frozenset(sentence.words)
    shared = [
        (-len(wanted & candidate.words), index, position)
        for index, passage in enumerate(passages)
        for position, candidate in enumerate(passage.sentences)
        if not wanted.isdisjoint(candidate.words)
    ]
    shared.sort()
    return [(index, passages[index].sentences[position].text) for _, index, position in shared[:limit]]


def _texts(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def _share(items: Sequence[ItemT], known: Set[ItemT]) -> float:
    return sum([item in known for item in items]) / len(items)


def _unsupported(tokens: Sequence[str], known: Set[str], said_before: Callable[[], Set[str]]) -> float:
    missing = [token for token in tokens if token not in known]
    if not missing:
        return 0.0
    excused = said_before()
    return sum(token not in excused for token in missing) / len(tokens)
