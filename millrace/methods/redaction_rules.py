"""One kind of personal data as a rule, and where in a text it is found."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from millrace.methods.checksums import CHECKSUMS, ChecksumName
from millrace.records.rules import PatternRule, Regex

_GROUP = "pii"


class RedactionRule(PatternRule):
    """What one kind of personal data looks like. A match needs the checksum and a context word, where given.

    Where the pattern has a group ``pii``, what that matched is the personal data, and the rest its surroundings.
    """

    pii_type: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="Written into the text as [PII_TYPE]")
    mode: Literal["redact", "block", "report"] = Field(
        "redact",
        description="redact: replaced; block: replaced, and a question with it is not answered; report: counted and "
        "left as it is, for what is not sensitive to the application",
    )
    checksum: ChecksumName | None = None
    context: list[str] = Field([], description="Words of which one must stand near the match, in any case")
    context_before: int = Field(50, ge=0, le=200, description="How many characters before the match are searched")
    context_after: int = Field(0, ge=0, le=200, description="How many characters after the match are searched")
    unless: list[str] = Field([], description="Words that rule a match out when one stands before it, in any case")
    unless_before: int = Field(20, ge=0, le=200, description="How many characters before the match they are looked for")
    contains: list[str] = Field(
        [], description="Pieces, in any case, of which a text with a match contains one; saves trying the pattern"
    )
    quick: Regex = Field(
        "", description="Without contains: a cheap pattern found wherever there is a match, to the same end"
    )


class Match(NamedTuple):
    """Characters ``start`` to ``end``, found by the rule at ``order``, ``distance`` characters from a context word."""

    start: int
    end: int
    distance: int
    order: int


class CompiledRule:
    """A rule ready to search; ``order`` is its place among the rules."""

    def __init__(self, order: int, rule: RedactionRule) -> None:
        self.order = order
        self.pii_type = rule.pii_type
        self.mode = rule.mode
        self.contains = [piece.lower() for piece in rule.contains]
        self.quick = rule.quick
        self._words = [word.lower() for word in rule.context]
        self._pattern = re.compile(rule.regex)
        self._checksum = CHECKSUMS[rule.checksum] if rule.checksum else None
        self._group = _GROUP if _GROUP in self._pattern.groupindex else 0
        self._context, self._unless = _any_word(rule.context), _any_word(rule.unless)
        self._before, self._after = rule.context_before, rule.context_after
        self._unless_before = rule.unless_before

    def has_word(self, lowered: str) -> bool:
        """Whether a text in lower case contains one of the context words, where the rule needs one."""
        return not self._words or any(word in lowered for word in self._words)

    def matches(self, text: str) -> Iterable[Match]:
        """What passes every condition, in text order and without overlaps."""
        position = 0
        while found := self._pattern.search(text, position):
            start = found.start(self._group)
            end = self._checked_end(text, start, found.end(self._group))
            distance = None if end is None else self._context_distance(text, start, end)
            if end is None or distance is None:
                # A shorter match may hide behind the refused one.
                position = start + 1
            else:
                yield Match(start, end, distance, self.order)
                position = end

    def _checked_end(self, text: str, start: int, end: int) -> int | None:
        """The end of the longest run of groups from ``start`` that passes the checksum."""
        if self._checksum is None:
            return end
        while not self._checksum(text[start:end]):
            # The words after a number written in groups look like one more group.
            end = max(text.rfind(" ", start, end), text.rfind("-", start, end))
            if end <= start or not self._pattern.fullmatch(text, start, end):
                return None
        return end

    def _context_distance(self, text: str, start: int, end: int) -> int | None:
        if self._unless is not None and self._unless.search(text, max(0, start - self._unless_before), start):
            return None
        if self._context is None:
            return 0
        first, last = max(0, start - self._before), end + self._after
        found = [start - word.end() for word in self._context.finditer(text, first, start)]
        found += [word.start() - end for word in self._context.finditer(text, end, last)]
        return min(found, default=None)


def _any_word(words: Sequence[str]) -> re.Pattern[str] | None:
    found = "|".join(re.escape(word) for word in words)
    return re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE | re.ASCII) if found else None
