"""Sentences, words, numbers and names of a text, in linear time and without a language model.

Offsets are characters of the text as given, end exclusive. Words are compared in a normal form: Unicode NFKC,
casefolded, without format characters (zero-width joiners, soft hyphens). Rules and stop words are English; other
languages that separate words by spaces work with less precision.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_STOP_WORDS_TEXT = """
a about above after again against all also although am among an and any are as at be because been before being below
between both but by can could did do does doing done down during each either else etc even ever every few for from
further get gets got had has have having he her here hers herself him himself his how however i if in into is it its
itself just let lets like made make makes many may me might more most much must my myself neither no nor not now of
off often on once one only or other others our ours out over own per rather really same several shall she should since
so some still such than that the their theirs them themselves then there these they this those though through thus to
too under until up upon us use used using very via was we well were what when where whether which while who whom whose
why will with within without would yes yet you your yours yourself don't doesn't didn't isn't aren't wasn't weren't
won't can't cannot wouldn't shouldn't couldn't hasn't haven't hadn't it's that's there's i'm you're we're they're i've
you've we've they've i'll you'll we'll they'll i'd you'd we'd they'd
"""
_ABBREVIATIONS_TEXT = """
mr mrs ms dr prof sr jr st vs etc e.g i.e eg ie cf al fig figs no nos vol pp ed eds inc ltd co corp dept est approx
jan feb mar apr jun jul aug sep sept oct nov dec gen col sgt capt lt rev hon gov sen rep u.s u.k u.n p.m a.m
"""
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())
_ABBREVIATIONS = frozenset(_ABBREVIATIONS_TEXT.split())
_BOUNDARY = re.compile(
    r"""(?P<stop>[.!?\u2026]+[\"'\u201d\u2019)\]*_]*)
      | (?P<wide>[\u3002\uff01\uff1f]+[\u300d\u300f\u201d\u2019\uff09]*)   # of scripts that put no space after them
      | (?P<line>\n\s*)""",  # a line break, with the blank lines after it
    re.VERBOSE,
)
_BULLET = r"[-*+>\u2022\u2013]|#{1,6}|\(?\d{1,3}[.)]"
_LIST_MARKER = re.compile(rf"(?:{_BULLET}|\(?[a-z][.)])\s|[|\u2022]")
_BARE_MARKER = re.compile(r"[\s>*_#-]{0,8}\(?(?:\d{1,3}|[A-Za-z])[.)]\**")
_LEADING_MARKER = re.compile(rf"(?:{_BULLET})\s+")
_LAST_TOKEN = re.compile(r"[\w.&]+\Z")
_LOOK_BACK = 24  # characters; longer than any abbreviation
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)*|[^\W_]")
_ASCII_WORD = re.compile(r"[0-9]+(?:[.,][0-9]+)*|[A-Za-z]+(?:'[A-Za-z]+)*|[A-Za-z0-9]")  # the same, and faster
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_WRAPPED_LINE = range(60, 161)  # characters of a line that was broken by its width, not by its author


class TextSpan(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a text."""

    start: int
    end: int


def normalise(text: str) -> str:
    """The form in which texts are compared: NFKC, casefolded, without format characters; idempotent."""
    if text.isascii():
        return text.lower()
    folded = text
    for _ in range(4):  # folding can undo composition and the reverse; two rounds settle all known characters
        previous = folded
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
        folded = _without_format_characters(folded)
        if folded == previous:
            break
    return folded.replace("\u2019", "'")


def _without_format_characters(text: str) -> str:
    if "".join(text.split()).isprintable():  # format characters are neither that nor white space
        return text
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def normalise_question(text: str) -> str:
    """A question's form for finding repetitions: its words in order, one space between; idempotent."""
    return " ".join(_tokens(normalise(text)))


def sentence_spans(text: str) -> list[TextSpan]:
    """Sentences, list items and headings in order, without surrounding white space.

    Spans do not overlap and together hold every character that is not white space. A line that was wrapped by its
    width is joined to the next; abbreviations, initials, decimals and list numbers end no sentence. Empty for a blank
    text.
    """
    return list(_each_span(text))


def _each_span(text: str) -> Iterator[TextSpan]:
    start = line_start = 0
    for match in _BOUNDARY.finditer(text):
        if match["line"] is not None:
            ends = not _is_wrapped(text, line_start, match)
            line_start = match.end()
        else:
            ends = match["wide"] is not None or _ends_sentence(text, start, match)
        if ends:
            yield from _without_space(text, start, match.end())
            start = match.end()
    yield from _without_space(text, start, len(text))


def each_sentence(text: str) -> Iterator[str]:
    """The texts of ``sentence_spans`` one by one, for callers that need not see all."""
    return (text[start:end] for start, end in _each_span(text))


def sentences(text: str) -> list[str]:
    """The texts of ``sentence_spans``."""
    return list(each_sentence(text))


def _tokens(text: str) -> list[str]:
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


def words(text: str) -> list[str]:
    """All words and numbers in order, in normal form; numbers without thousands separators ("1,000" is "1000")."""
    found = _tokens(normalise(text))
    return [word.replace(",", "") if "," in word and _THOUSANDS.fullmatch(word) else word for word in found]


def content_words(text: str) -> list[str]:
    """Words that carry meaning, in order: no stop words, no single letters, plurals and possessives made singular."""
    return [form for word in words(text) if (form := _content_form(word))]


def bigrams(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Neighbouring pairs in order; empty for fewer than two tokens."""
    return list(pairwise(tokens))


def numbers(tokens: Iterable[str]) -> list[str]:
    """Those of the given words that begin with a digit, in order."""
    return [token for token in tokens if token[0].isdigit()]


def names(sentence: str) -> list[str]:
    """Words with a capital that do not begin the sentence, in order, in the form of ``content_words``.

    Misses a name at the sentence's beginning, and takes every word of a heading in title case for one.
    """
    found: list[str] = []
    for word in _tokens(_without_format_characters(sentence))[1:]:
        if word[0].isupper():
            found.extend(_content_forms(word))
    return found


def singular(word: str) -> str:
    """The word without possessive and plural ending.

    Source:
        The "S" stemmer of Harman (1991), How effective is suffixing?, JASIS 42(1), 7-15, table 1.
    """
    word = word.removesuffix("'s")
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]


def without_list_marker(sentence: str) -> str:
    """The sentence without the bullet, number or heading mark that begins it."""
    marker = _LEADING_MARKER.match(sentence)
    return sentence[marker.end() :] if marker else sentence


@lru_cache(maxsize=1 << 16)
def _content_form(word: str) -> str:
    """The word's form among content words; empty when it is none."""
    if word[0].isdigit():
        return word
    if word in _STOP_WORDS or (len(word) == 1 and word.isascii()):
        return ""
    return singular(word)


@lru_cache(maxsize=1 << 16)
def _content_forms(word: str) -> tuple[str, ...]:
    return tuple(content_words(word))


def _without_space(text: str, start: int, end: int) -> Iterator[TextSpan]:
    """The span without the white space around it; none for a blank one."""
    piece = text[start:end]
    body = piece.strip()
    if body:
        first = start + len(piece) - len(piece.lstrip())
        yield TextSpan(first, first + len(body))


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    end = stop.end()
    if end < len(text) and not text[end].isspace():
        return False  # inside a decimal, an address, a file name
    if stop[0][0] != ".":
        return True
    if _BARE_MARKER.fullmatch(text, start, end):
        return False
    token = _LAST_TOKEN.search(text, max(start, stop.start() - _LOOK_BACK), stop.start())
    if token is None:
        return True
    last = token[0].lower()
    return not (last in _ABBREVIATIONS or (len(last) == 1 and token[0].isupper() and last != "i"))


def _is_wrapped(text: str, line_start: int, line_break: re.Match[str]) -> bool:
    """Whether a line break lies inside a sentence."""
    if line_break[0].count("\n") > 1 or line_break.end() == len(text):
        return False
    if _LIST_MARKER.match(text, line_break.end()):
        return False
    before, after = text[line_break.start() - 1 : line_break.start()], text[line_break.end()]
    if before in tuple(".!?\u2026:;|"):
        return False
    return after.islower() or before == "," or (line_break.start() - line_start) in _WRAPPED_LINE
