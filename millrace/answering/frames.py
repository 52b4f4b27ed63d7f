"""How a question is asked, apart from what it is about: "how many X were X in X".

Sentence vectors mostly tell topics, but routes differ by how something is asked. Compared by its frame as well, a
question about crops finds the utterances about orders. ``docs/decisions/0017-routing.md`` has the figures.
"""

from collections import Counter
from collections.abc import Collection, Sequence

from millrace.methods.text import words

TOPIC = "X"
_LEAST_SHARE = 0.01  # of the utterances that a word of a frame stands in
_LEAST_UTTERANCES = 2


def frame_words(utterances: Sequence[str]) -> frozenset[str]:
    """Words that stand in at least one in a hundred of the utterances, and in two at least: no topic of one's own."""
    counts = Counter(word for utterance in utterances for word in set(words(utterance)))
    least = max(_LEAST_UTTERANCES, round(_LEAST_SHARE * len(utterances)))
    return frozenset(word for word, count in counts.items() if count >= least)


def frame_of(text: str, known: Collection[str]) -> str:
    """The text's words in order, each run of words that are not ``known`` as one ``TOPIC``; empty without words."""
    found: list[str] = []
    for word in words(text):
        kept = word if word in known else TOPIC
        if kept != TOPIC or found[-1:] != [TOPIC]:
            found.append(kept)
    return " ".join(found)
