"""Sentences made false on purpose: the passage's own sentence with a number or a name of another in its place."""

import re
from collections.abc import Iterator, Sequence

from millrace.methods.text import words

_CODE = re.compile(r"`[^`\n]+`")
_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:[.,]\d+)*(?![\w/-]|[.,]\d)")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][A-Za-z]{2,}(?: [A-Z][A-Za-z]+)*\b")


def numbers_in(sentence: str) -> list[str]:
    """Numbers that stand alone, in order; none in code."""
    return [match[0] for match in _free(_NUMBER, sentence)]


def names_in(sentence: str) -> list[str]:
    """Code in backticks and capitalised words inside the sentence, in order."""
    return [match[0] for match in _names(sentence)]


def with_other_number(sentence: str, passage: str, others: Sequence[str]) -> str | None:
    """The sentence with its first number replaced by the first of ``others`` that the passage has not; else None."""
    return _swapped(sentence, passage, next(_free(_NUMBER, sentence), None), others)


def with_other_name(sentence: str, passage: str, others: Sequence[str]) -> str | None:
    """The same for its first name; code is replaced by code, a word by a word."""
    found = _names(sentence)
    if not found:
        return None
    is_code = found[0][0].startswith("`")
    return _swapped(sentence, passage, found[0], [each for each in others if each.startswith("`") is is_code])


def _names(sentence: str) -> list[re.Match[str]]:
    code = (match for match in _CODE.finditer(sentence) if " " not in match[0])
    return sorted((*code, *_free(_NAME, sentence)), key=re.Match.start)


def _swapped(sentence: str, passage: str, place: re.Match[str] | None, others: Sequence[str]) -> str | None:
    if place is None:
        return None
    known = set(words(passage))
    other = next((each for each in others if known.isdisjoint(words(each))), None)
    return None if other is None else sentence[: place.start()] + other + sentence[place.end() :]


def _free(pattern: re.Pattern[str], sentence: str) -> Iterator[re.Match[str]]:
    """Matches outside code."""
    code = [match.span() for match in _CODE.finditer(sentence)]
    for match in pattern.finditer(sentence):
        if not any(start <= match.start() < end for start, end in code):
            yield match
