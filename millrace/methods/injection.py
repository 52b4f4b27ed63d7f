"""A first check for prompt injection: pattern rules over every reading of a text (A1, level 1)."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.methods.disguises import readings
from millrace.ports import InjectionDetector
from millrace.records.rules import PatternRule

Place = Literal["question", "passage"]


class InjectionRule(PatternRule):
    """A way of addressing the model over the application's head; ``regex`` sees normalised text (``readings``)."""

    contains: list[str] = Field([], description="Pieces of which every match contains one; saves trying the pattern")
    places: list[Place] = Field(
        ["question", "passage"],
        min_length=1,
        description="Where it is looked for; what a user may well ask can be out of place in a document",
    )


class InjectionScreen:
    """Tells which rule, if any, a text runs into. Social engineering in plain words passes: that needs a model.

    An ``InjectionDetector``; ``place`` says what kind of text it is shown.
    """

    def __init__(self, rules: Sequence[InjectionRule], place: Place = "question") -> None:
        self._identity = f"injection-rules-{place}-{sha256_json(list(rules))[:12]}"
        here = [rule for rule in rules if place in rule.places]
        self._rules = [(rule.id, tuple(rule.contains), re.compile(rule.regex)) for rule in here]

    @property
    def identity(self) -> str:
        """The place, and a hash of the rules."""
        return self._identity

    def detect(self, texts: Sequence[str]) -> list[str | None]:
        """For each text the id of the first rule that matches; None where none does."""
        return [self.match(text) for text in texts]

    def match(self, text: str) -> str | None:
        """Id of the first rule, in rule order, that matches the first reading that any rule matches; None when none."""
        return next((rule for reading in readings(text) if (rule := self._first(reading)) is not None), None)

    def _first(self, reading: str) -> str | None:
        for rule_id, pieces, pattern in self._rules:
            if (not pieces or any(piece in reading for piece in pieces)) and pattern.search(reading):
                return rule_id
        return None


class DetectorChain:
    """Several detectors as one: each is shown the texts in which those before it found nothing."""

    def __init__(self, detectors: Sequence[InjectionDetector]) -> None:
        self._detectors = tuple(detectors)

    @property
    def identity(self) -> str:
        """Identities of the detectors, in order."""
        return "+".join(detector.identity for detector in self._detectors)

    def detect(self, texts: Sequence[str]) -> list[str | None]:
        """For each text what the first detector found that found anything; None where none did."""
        found: list[str | None] = [None] * len(texts)
        for detector in self._detectors:
            left = [place for place, finding in enumerate(found) if finding is None]
            for place, finding in zip(left, detector.detect([texts[place] for place in left]), strict=True):
                found[place] = finding
        return found
