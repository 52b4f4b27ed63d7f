"""A first check for prompt injection: pattern rules over normalised text (A1, level 1)."""

import re
import unicodedata
from collections.abc import Sequence

from millrace.records.rules import PatternRule

# Format characters that show nothing and split words from patterns: soft hyphen, zero-width space and joiners,
# direction marks, word joiner and invisible operators, byte order mark, variation selectors, tag characters.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_SPACES = re.compile(r"\s+")


class InjectionRule(PatternRule):
    """A way of addressing the model over the application's head; ``regex`` sees normalised text (``normalise``)."""


class InjectionScreen:
    """Tells which rule, if any, a text runs into. Social engineering in plain words passes: that needs a model."""

    def __init__(self, rules: Sequence[InjectionRule]) -> None:
        self._rules = [(rule.id, re.compile(rule.regex)) for rule in rules]

    def match(self, text: str) -> str | None:
        """Id of the first rule that matches, in rule order; None when none does."""
        normal = normalise(text)
        return next((rule_id for rule_id, pattern in self._rules if pattern.search(normal)), None)


def normalise(text: str) -> str:
    """Invisible characters dropped, NFKC, casefolded, each run of white space one space; lone surrogates are kept."""
    visible = text if text.isascii() else unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return _SPACES.sub(" ", visible.casefold())
