"""What only one person wrote: words, runs of words and ids by which copies of it are known anywhere (A15).

A word is a mark when nobody else used it and Millrace's own pages don't; a run of five words when nobody else wrote
them one after another. Marks exist in memory only.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

RUN = 5
ERASED = "[erased]"

_WORD = re.compile(r"\w+")
_ESCAPED, _BREAK = re.compile(r"\\+u([0-9a-fA-F]{4})"), re.compile(r"\\+[nrtbf]")
_ID = re.compile(r"[\w.:@\-]+")
_SHORTEST_WORD, _SHORTEST_NUMBER, _SHORTEST_ID = 3, 7, 5


class Marks:
    """Words, runs of words and ids of one person; first filled, then narrowed by what others wrote."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.runs: set[str] = set()
        self.ids: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.words or self.runs or self.ids)

    def add_text(self, text: str) -> None:
        """Take in what the person wrote, or what was said to them."""
        found = _words(text)
        self.words.update(word for word in found if _is_telling(word))
        self.runs.update(_runs(found))

    def add_id(self, value: str) -> None:
        """Take in the name of something of theirs."""
        self.ids.add(value)

    def leave_to_others(self, text: str) -> None:
        """What somebody else wrote is nobody's mark."""
        if self.words or self.runs:
            found = _words(text)
            self.words.difference_update(found)
            self.runs.difference_update(_runs(found))

    def leave_words(self, words: Iterable[str]) -> None:
        """Words in lower case that occur without the person."""
        self.words.difference_update(words)

    def is_in(self, text: str) -> bool:
        """Whether the text holds any mark; an id counts where it stands by itself."""
        if text in self.ids:
            return True
        if any(_names(token) and token.strip(".:-") in self.ids for token in _ID.findall(text)):
            return True
        found = _words(text)
        return not self.words.isdisjoint(found) or any(run in self.runs for run in _runs(found))

    def redacted(self, text: str) -> str:
        """The text with ``[erased]`` in place of every line that holds a mark; of one line nothing else is left."""
        if not self.is_in(text):
            return text
        kept = [ERASED if self.is_in(line) else line for line in text.split("\n")]
        return ERASED if self.is_in("\n".join(kept)) else "\n".join(kept)  # a run may go over a line's end

    def label_without(self, label: str) -> str:
        """Words of a label but those that are marks; ``[erased]`` when none is left."""
        kept = [word for word in label.split() if not self.is_in(word)]
        return " ".join(kept) or ERASED

    def scrubbed(self, value: Any) -> tuple[Any, int]:
        """A JSON value with every text in it redacted, and how many texts changed."""
        if isinstance(value, str):
            new = self.redacted(value)
            return new, int(new != value)
        if isinstance(value, list):
            pairs = [self.scrubbed(each) for each in value]
            return [pair[0] for pair in pairs], sum(pair[1] for pair in pairs)
        if isinstance(value, dict):
            keyed = [(self.redacted(key), *self.scrubbed(each)) for key, each in value.items()]
            changed = sum(n for _, _, n in keyed) + sum(
                new != old for (new, _, _), old in zip(keyed, value, strict=True)
            )
            return {key: each for key, each, _ in keyed}, changed
        return value, 0


def words_of(text: str) -> set[str]:
    """The words of a text in lower case, as marks know them."""
    return set(_words(text))


def texts_in(value: Any) -> Iterator[str]:
    """Every string within a value of lists and dicts, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)


def _words(text: str) -> list[str]:
    if "\\" in text:  # JSON within JSON
        text = _BREAK.sub(" ", _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))
    return _WORD.findall(text.casefold())


def _runs(words: list[str]) -> Iterable[str]:
    return (" ".join(words[start : start + RUN]) for start in range(len(words) - RUN + 1))


def _is_telling(word: str) -> bool:
    """Short words and ordinary numbers occur everywhere by chance."""
    return len(word) >= (_SHORTEST_NUMBER if word.isdigit() else _SHORTEST_WORD)


def _names(token: str) -> bool:
    """Whether an id is told from a word of prose: long enough, and not of letters alone or a plain number."""
    return len(token) >= _SHORTEST_ID and not token.isalpha() and not token.isdigit()
