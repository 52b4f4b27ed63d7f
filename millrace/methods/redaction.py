"""Replaces personal data and secrets in texts by the name of their type (A2)."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import Field

from millrace.methods.checksums import CHECKSUMS, ChecksumName
from millrace.records.rules import PatternRule, Regex
from millrace.records.trace import RedactionCount

MASK = "\0"


class RedactionRule(PatternRule):
    """What one kind of personal data looks like. A match needs the checksum and a context word, where given."""

    pii_type: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="Written into the text as [PII_TYPE]")
    checksum: ChecksumName | None = None
    context: list[str] = Field([], description="Words of which one must stand near the match, in any case")
    context_before: int = Field(50, ge=0, le=200, description="How many characters before the match are searched")
    context_after: int = Field(0, ge=0, le=200, description="How many characters after the match are searched")
    contains: list[str] = Field([], description="Pieces of which every match contains one; saves trying the pattern")
    quick: Regex = Field("", description="Without contains: a cheap pattern found in every match, for the same end")


class Edit(NamedTuple):
    """Characters ``start`` to ``end`` of the original became ``length`` characters."""

    start: int
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without the personal data that was recognised.

    ``counts`` has one entry per type found now, sorted by type; ``edits`` are in text order and don't overlap.
    """

    text: str
    counts: list[RedactionCount] = field(default_factory=list)
    edits: tuple[Edit, ...] = ()

    def moved(self, start: int, end: int) -> tuple[int, int] | None:
        """Where characters ``start`` to ``end`` of the original stand now; None when an edit touched them."""
        shift = 0
        for edit in self.edits:
            if edit.start < end and start < edit.end:
                return None
            if edit.end <= start:
                shift += edit.length - (edit.end - edit.start)
        return start + shift, end + shift


class _Match(NamedTuple):
    start: int
    end: int
    distance: int
    order: int


class _Filler(NamedTuple):
    """What one mask character stands for."""

    shown: str
    width: int
    pii_type: str | None = None


class Redactor:
    """Applies redaction rules to texts.

    Where matches overlap, the longest wins, then the one nearest to its context word, then the earlier rule.
    Redacting twice gives what redacting once gives: a placeholder is never searched, and passes are repeated until
    nothing matches. Time is linear in the length of the text as long as each rule's pattern is.
    """

    def __init__(self, rules: Sequence[RedactionRule]) -> None:
        self._rules = [_CompiledRule(order, rule) for order, rule in enumerate(rules)]
        self._by_piece = _grouped((piece, rule) for rule in self._rules for piece in rule.contains)
        by_quick = _grouped((rule.quick, rule) for rule in self._rules if not rule.contains)
        self._by_quick = [(re.compile(quick), found) for quick, found in by_quick]
        types = sorted({rule.pii_type for rule in rules})
        self._masked = re.compile("|".join([rf"\[(?:{'|'.join(types)})\]", MASK]) if types else MASK)

    def redact(self, text: str) -> Redacted:
        """The text with each match replaced by ``[TYPE]``; any str is accepted, lone surrogates included."""
        rules = self._rules_for(text)
        if not rules:
            return Redacted(text)
        fillers = [_Filler(found[0], len(found[0])) for found in self._masked.finditer(text)]
        masked = self._masked.sub(MASK, text)
        while matches := _without_overlaps(masked, rules):
            masked, fillers = self._mask(masked, fillers, matches)
        return _shown(text, masked, fillers)

    def _rules_for(self, text: str) -> "list[_CompiledRule]":
        """The rules whose cheap conditions the text meets, in rule order."""
        tried = [rule for piece, rules in self._by_piece if piece in text for rule in rules]
        tried += [rule for quick, rules in self._by_quick if quick.search(text) for rule in rules]
        if not tried:
            return []
        lowered = text.lower()
        return [rule for rule in self._rules if rule in tried and rule.has_word(lowered)]

    def _mask(self, masked: str, fillers: list[_Filler], matches: list[_Match]) -> tuple[str, list[_Filler]]:
        pieces: list[str] = []
        merged: list[_Filler] = []
        old = iter(fillers)
        position = 0
        for match in matches:
            before = masked[position : match.start]
            pii_type = self._rules[match.order].pii_type
            merged.extend(next(old) for _ in range(before.count(MASK)))
            merged.append(_Filler(f"[{pii_type}]", match.end - match.start, pii_type))
            pieces += (before, MASK)
            position = match.end
        return "".join(pieces) + masked[position:], merged + list(old)


class _CompiledRule:
    def __init__(self, order: int, rule: RedactionRule) -> None:
        self.order = order
        self.pii_type = rule.pii_type
        self.contains = rule.contains
        self.quick = rule.quick
        self._words = [word.lower() for word in rule.context]
        self._pattern = re.compile(rule.regex)
        self._checksum = CHECKSUMS[rule.checksum] if rule.checksum else None
        words = "|".join(re.escape(word) for word in rule.context)
        self._context = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE | re.ASCII) if words else None
        self._before, self._after = rule.context_before, rule.context_after

    def has_word(self, lowered: str) -> bool:
        """Whether a text in lower case contains one of the context words, where the rule needs one."""
        return not self._words or any(word in lowered for word in self._words)

    def matches(self, text: str) -> Iterable[_Match]:
        position = 0
        while found := self._pattern.search(text, position):
            start, end = found.start(), self._checked_end(text, found.start(), found.end())
            distance = None if end is None else self._context_distance(text, start, end)
            if end is None or distance is None:
                # A shorter match may hide behind the refused one.
                position = start + 1
            else:
                yield _Match(start, end, distance, self.order)
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
        if self._context is None:
            return 0
        first, last = max(0, start - self._before), end + self._after
        found = [start - word.end() for word in self._context.finditer(text, first, start)]
        found += [word.start() - end for word in self._context.finditer(text, end, last)]
        return min(found, default=None)


def _grouped(keyed: "Iterable[tuple[str, _CompiledRule]]") -> "list[tuple[str, list[_CompiledRule]]]":
    groups: dict[str, list[_CompiledRule]] = {}
    for key, rule in keyed:
        groups.setdefault(key, []).append(rule)
    return list(groups.items())


def _without_overlaps(masked: str, rules: "Iterable[_CompiledRule]") -> list[_Match]:
    candidates = [match for rule in rules for match in rule.matches(masked)]
    candidates.sort(key=lambda match: (match.start - match.end, match.distance, match.order, match.start))
    taken = bytearray(len(masked))
    chosen = []
    for match in candidates:
        if taken.find(1, match.start, match.end) < 0:
            taken[match.start : match.end] = b"\1" * (match.end - match.start)
            chosen.append(match)
    return sorted(chosen)


def _shown(text: str, masked: str, fillers: list[_Filler]) -> Redacted:
    plain = masked.split(MASK)
    pieces, edits = [plain[0]], []
    position = len(plain[0])
    for filler, after in zip(fillers, plain[1:], strict=True):
        if filler.pii_type is not None:
            edits.append(Edit(position, position + filler.width, len(filler.shown)))
        pieces += (filler.shown, after)
        position += filler.width + len(after)
    if not edits:
        return Redacted(text)
    counts = Counter(filler.pii_type for filler in fillers if filler.pii_type is not None)
    found = [RedactionCount(pii_type=pii_type, n_items=counts[pii_type]) for pii_type in sorted(counts)]
    return Redacted("".join(pieces), found, tuple(edits))
