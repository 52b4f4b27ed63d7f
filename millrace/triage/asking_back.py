"""Whether an answer ends by asking what the user means.

The rules are English. On the 507 reference answers of MTRAG-UN they find 76 of 78 that were written for underspecified
questions, and 2 of the 429 others; they were written with those answers in view.
"""

import re

from millrace.methods.text import normalise, sentences

_ASKS = re.compile(
    r"""\b(?:which|what|who|whose|where|when)\b.{0,80}\byou(?:r|'re)?\b
      | \b(?:do|did|are|were|have)\ you\b.{0,20}
        \b(?:mean|referring|asking|talking|thinking|looking|interested|have\ in\ mind)\b
      | \b(?:could|can|would|will)\ you\b.{0,20}
        \b(?:clarify|specify|elaborate|be\ more\ specific|tell\ me|give\ me|provide\ more)\b
    """,
    re.VERBOSE,
)
_OFFERS = re.compile(r"\b(?:else|help|assist|know more|like to know|(?:like|want) me to|anything)\b")


def asks_back(answer: str) -> bool:
    """Whether the last sentence asks for what is meant; an offer of more help does not. False for a blank text."""
    last = normalise(sentences(answer)[-1]) if answer.strip() else ""
    return last.endswith("?") and _ASKS.search(last) is not None and _OFFERS.search(last) is None
