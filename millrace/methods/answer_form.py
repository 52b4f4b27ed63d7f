"""Whether an answer has the form it should have: finished, the JSON that was asked for, no debris of a broken decoding.

On MTRAG's 276 answers and HaluEval's 4 507, debris is found in none.
"""

import json
import re
from collections.abc import Iterable

from millrace.methods.text import normalise

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_ASKS_FOR_JSON = re.compile(r"\b(?:as|in|valid|only|return|output|respond with|reply with)\s+(?:a\s+|an\s+)?json\b")
_OPEN_ENDS = tuple(",;:(-")
_PROSE_WORDS = 8  # a shorter last line can be a name, a heading or a list entry
_DEBRIS = re.compile(
    r"""\ufffd                                            # where bytes could not be decoded
      | [\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]    # control characters
      | \u00e2\u20ac[\u2122\u0153\u017e\u02dc\u00a2\u00a6\u201c\u201d]  # UTF-8 read as Windows-1252: quotes, dashes
      | [\u00c2\u00c3][\xa1-\xbf]                         # and accented letters
      | \A\s*<\|\w+\|> | <\|\w+\|>\s*\Z | (?:\[/INST\]|</s>)\s*\Z  # marks of a chat template around the answer""",
    re.VERBOSE,
)


def is_unfinished(answer: str) -> bool:
    """Whether the last line is prose that breaks off: at least eight words, and no end of a sentence."""
    last = answer.rstrip().rpartition("\n")[2].split()
    if len(last) < _PROSE_WORDS or "/" in last[-1]:  # addresses and paths need no full stop
        return False
    return last[-1][-1].isalnum() or last[-1].endswith(_OPEN_ENDS)


def asks_for_json(requests: Iterable[str]) -> bool:
    """Whether one of the texts, the question or a system's turn, asks for an answer in JSON."""
    return any(_ASKS_FOR_JSON.search(normalise(text)) for text in requests)


def holds_json(answer: str) -> bool:
    """Whether the answer, or a fenced block in it, is JSON."""
    return any(is_json(text) for text in [answer, *_FENCE.findall(answer)])


def is_json(text: str) -> bool:
    """Whether the text is JSON that Python reads, of any type."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def has_debris(answer: str) -> bool:
    """Whether characters are left of a broken decoding or of a chat template."""
    return _DEBRIS.search(answer) is not None
