"""Texts of strangers made fit for a terminal: nothing in them can steer it, and none is too long to show."""

from dataclasses import dataclass
from functools import lru_cache

from millrace.annotation.support import nearest_sentence, shared_words
from millrace.methods.text import TextSpan

SHOWN_CHARACTERS = 8_000  # of one text at once
_CONTROLS = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_HARMLESS = {ord("\n"): "\n", ord("\t"): " ", ord("\r"): " ", 0x2028: "\n", 0x2029: "\n"}
_C1 = dict.fromkeys(range(0x80, 0xA0), "\ufffd")
_DIRECTION = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")  # they reorder whole lines
_LONE = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # surrogates cannot be written
_VISIBLE: dict[int, int | str] = {**_CONTROLS, **_C1, **_DIRECTION, **_LONE, **_HARMLESS}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of a passage, with where the words shared with a sentence stand in it.

    Attributes:
        text: the piece, fit for a terminal.
        n_before, n_after: characters left out.
        shared: spans within ``text``.
        nearest: the sentence within ``text`` that holds most of them; None without any.
    """

    text: str
    n_before: int
    n_after: int
    shared: tuple[TextSpan, ...]
    nearest: TextSpan | None


def visible(text: str) -> str:
    """The text with every character that could steer a terminal replaced by one that shows it; of equal length."""
    return text.translate(_VISIBLE)


def beginning(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """The text fit for a terminal; of a longer one the beginning, and how much is left out."""
    left_out = len(text) - limit
    return visible(text) if left_out <= 0 else f"{visible(text[:limit])}\n[… {left_out:,} characters more]"


@lru_cache(maxsize=64)
def excerpt(passage: str, sentence: str | None, limit: int = SHOWN_CHARACTERS) -> Excerpt:
    """As much of the passage as can be shown: around the sentence's words where it shares some, else its beginning."""
    shared = shared_words(sentence, passage) if sentence else []
    nearest = nearest_sentence(passage, shared)
    start = 0
    if len(passage) > limit and nearest is not None:
        start = max(0, min(nearest.start - limit // 4, len(passage) - limit))
    end = min(len(passage), start + limit)
    return Excerpt(
        text=visible(passage[start:end]),
        n_before=start,
        n_after=len(passage) - end,
        shared=tuple(moved for span in shared if (moved := _moved(span, start, end))),
        nearest=None if nearest is None else _moved(nearest, start, end),
    )


def _moved(span: TextSpan, start: int, end: int) -> TextSpan | None:
    first, last = max(span.start, start), min(span.end, end)
    return TextSpan(first - start, last - start) if first < last else None
