"""Makes a question of a conversation stand alone: the words it leaves unsaid are taken from the user's turns before it.

The rules are English and look at words only. ``docs/decisions/0017-routing.md`` has what was compared.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from millrace.methods.text import content_words, words

_ENOUGH_WORDS = 4  # of content; "And in Docker?" alone would find anything about Docker
_CONTINUES = re.compile(
    r"\s*(?:and|or|but|so|then|also|what about|how about|same|to|in|on|at|for|with|by|from)\b", re.IGNORECASE
)
_REFERS_TEXT = "it its he him his she her hers they them their theirs this that these those there"
_NEAR_START = 6  # words; a pronoun further on mostly stands for something in the question itself
_COURTESIES_TEXT = """
bye cheer cool day evening fine good goodbye great hello hey hi lot morning nice night ok okay perfect please sorry
super thank weekend welcome wonderful
"""
_REFERS, _COURTESIES = frozenset(_REFERS_TEXT.split()), frozenset(_COURTESIES_TEXT.split())
_MOST_TURNS = 3
_MOST_WORDS = 12
_MAX_CHARS = 1_000  # of a turn; a pasted log is no topic
_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u2018\u2019\u201c\u201d\u2026\u00ab\u00bb\u00bf\u00a1"


def user_turns(turns: Iterable[tuple[str, str]]) -> list[str]:
    """What the user said, oldest first, without surrounding white space and without blank turns.

    Args:
        turns: speaker and text of each turn, oldest first.
    """
    said = (text.strip() for speaker, text in turns if speaker == "user")
    return [text for text in said if text]


def depends_on_context(question: str) -> bool:
    """Whether a question leans on what was said before.

    It does when it has few words of content, begins as a continuation, or soon refers to something by a pronoun. A
    courtesy, such as "thanks a lot!", is complete however short.
    """
    content = content_words(question)
    if content and _COURTESIES.issuperset(content):
        return False
    if len(content) < _ENOUGH_WORDS or _CONTINUES.match(question):
        return True
    return not _REFERS.isdisjoint(words(question)[:_NEAR_START])


def standalone_question(question: str, earlier: Sequence[str]) -> str:
    """The question, followed by the words in brackets that it needs from the turns before, when it leans on them.

    "How do I set retries?", "And in Docker?" gives "And in Docker? (set retries)". The words are those of content that
    the question does not have itself: of the latest turns, back to one that stands by itself.

    Args:
        question: as asked.
        earlier: from :func:`user_turns`; without any the question stays as it is.
    """
    if not depends_on_context(question):
        return question
    missing = _missing_words(question, _topic(earlier))
    return f"{question.strip()} ({' '.join(missing)})" if missing else question


def question_in_context(question: str, earlier: Sequence[str]) -> str:
    """The question after the turns that it leans on, in full: for what compares how something is asked."""
    if not depends_on_context(question):
        return question
    return " ".join([*reversed(list(_topic(earlier))), question.strip()])


def _topic(earlier: Sequence[str]) -> Iterator[str]:
    """The latest turns, the last one first, until one stands by itself."""
    for turn in reversed(earlier[-_MOST_TURNS:]):
        yield turn
        if not depends_on_context(turn):
            return


def _missing_words(question: str, turns: Iterable[str]) -> list[str]:
    known = set(content_words(question))
    found: list[str] = []
    for token in (token.strip(_MARKS) for turn in turns for token in turn[:_MAX_CHARS].split()):
        content = content_words(token)
        if content and not known.issuperset(content):
            known.update(content)
            found.append(token)
    return found[:_MOST_WORDS]
