"""Replaces personal data and secrets in texts by the name of their type (A2)."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from millrace.methods.redaction_rules import CompiledRule, Match, RedactionRule
from millrace.records.trace import RedactionCount

__all__ = ["MASK", "Edit", "Redacted", "RedactionRule", "Redactor"]

MASK = "\0"


class Edit(NamedTuple):
    """Characters ``start`` to ``end`` of the original became ``length`` characters."""

    start: int
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without the personal data that was recognised.

    Attributes:
        counts: one entry per type replaced now, sorted by type.
        edits: in text order; they don't overlap.
        reported: one entry per type that was found and left as it is, sorted by type.
        blocked_by: the type, first by name, that forbids answering the text; None where it may be answered.
    """

    text: str
    counts: list[RedactionCount] = field(default_factory=list)
    edits: tuple[Edit, ...] = ()
    reported: list[RedactionCount] = field(default_factory=list)
    blocked_by: str | None = None

    def moved(self, start: int, end: int) -> tuple[int, int] | None:
        """Where characters ``start`` to ``end`` of the original stand now; None when an edit touched them."""
        shift = 0
        for edit in self.edits:
            if edit.start < end and start < edit.end:
                return None
            if edit.end <= start:
                shift += edit.length - (edit.end - edit.start)
        return start + shift, end + shift


class _Filler(NamedTuple):
    """What one mask character stands for."""

    shown: str
    width: int
    pii_type: str | None = None
    blocks: bool = False


class Redactor:
    """Applies redaction rules to texts.

    Where matches overlap, the longest wins, then the one nearest to its context word, then the earlier rule.
    Redacting twice gives what redacting once gives: a placeholder is never searched, and passes are repeated until
    nothing matches. What is only reported is looked for in what is left, so it never keeps another type from being
    replaced. Time is linear in the length of the text as long as each rule's pattern is.
    """

    def __init__(self, rules: Sequence[RedactionRule]) -> None:
        self._rules = [CompiledRule(order, rule) for order, rule in enumerate(rules)]
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
        replacing = [rule for rule in rules if rule.mode != "report"]
        fillers = [_Filler(found[0], len(found[0])) for found in self._masked.finditer(text)]
        masked = self._masked.sub(MASK, text)
        while matches := _without_overlaps(masked, replacing):
            masked, fillers = self._mask(masked, fillers, matches)
        shown = _shown(text, masked, fillers)
        if len(replacing) == len(rules):
            return shown
        left = _without_overlaps(masked, [rule for rule in rules if rule.mode == "report"])
        return replace(shown, reported=_counted(self._rules[match.order].pii_type for match in left))

    def _rules_for(self, text: str) -> list[CompiledRule]:
        """The rules whose cheap conditions the text meets, in rule order."""
        lowered = text.lower()
        tried = {rule.order for piece, rules in self._by_piece if piece in lowered for rule in rules}
        tried.update(rule.order for quick, rules in self._by_quick if quick.search(text) for rule in rules)
        return [self._rules[order] for order in sorted(tried) if self._rules[order].has_word(lowered)]

    def _mask(self, masked: str, fillers: list[_Filler], matches: list[Match]) -> tuple[str, list[_Filler]]:
        pieces: list[str] = []
        merged: list[_Filler] = []
        old = iter(fillers)
        position = 0
        for match in matches:
            before = masked[position : match.start]
            rule = self._rules[match.order]
            merged.extend(next(old) for _ in range(before.count(MASK)))
            merged.append(_Filler(f"[{rule.pii_type}]", match.end - match.start, rule.pii_type, rule.mode == "block"))
            pieces += (before, MASK)
            position = match.end
        return "".join(pieces) + masked[position:], merged + list(old)


def _counted(pii_types: Iterable[str]) -> list[RedactionCount]:
    return [RedactionCount(pii_type=pii_type, n_items=n) for pii_type, n in sorted(Counter(pii_types).items())]


def _grouped(keyed: Iterable[tuple[str, CompiledRule]]) -> list[tuple[str, list[CompiledRule]]]:
    groups: dict[str, list[CompiledRule]] = {}
    for key, rule in keyed:
        groups.setdefault(key, []).append(rule)
    return list(groups.items())


def _without_overlaps(masked: str, rules: Iterable[CompiledRule]) -> list[Match]:
    candidates = [match for rule in rules for match in rule.matches(masked)]
    if not candidates:
        return []
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
    found = _counted(filler.pii_type for filler in fillers if filler.pii_type is not None)
    blocking = [filler.pii_type for filler in fillers if filler.pii_type is not None and filler.blocks]
    return Redacted("".join(pieces), found, tuple(edits), blocked_by=min(blocking, default=None))
