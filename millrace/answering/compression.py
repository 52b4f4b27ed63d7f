"""Keeps of the passages what has the words of the question (A8)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, log1p

from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.draft import Draft, Passage, Step
from millrace.answering.units import compression_units, joined_units
from millrace.methods.text import TextSpan, content_words

K1 = 1.2  # how soon a repeated word stops counting
B = 0.75  # how far a long sentence's counts are discounted
_SOME = 1e-9  # a sentence without any word of the query, and far from any, is not kept by a threshold of 0
_PASSAGES_KEPT = 2048  # split passages take about 10 kB each


class CompressionConfig(BaseModel):
    """How much of the passages is kept; a sentence must pass all three bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_relative_score: float = Field(
        0.1, ge=0, le=1, description="A sentence needs this share of the best sentence's score, and more than 0"
    )
    keep_share: float = Field(1.0, gt=0, le=1, description="Largest share of the sentences that is kept")
    max_sentences: int = Field(200, ge=1, le=10_000, description="Most sentences kept, of all passages together")
    neighbour_weight: float = Field(
        1.0, ge=0, le=1, description="Share of its better neighbour's score that counts for a sentence too"
    )


@dataclass(frozen=True)
class SplitPassage:
    """A passage's units, with the content words of each."""

    units: tuple[TextSpan, ...]
    words: tuple[tuple[str, ...], ...]


Split = Callable[[str], SplitPassage]


def split_passage(text: str) -> SplitPassage:
    """What can be kept or left out of a text, and the words that decide it."""
    units = tuple(compression_units(text))
    return SplitPassage(units, tuple(tuple(content_words(text[unit.start : unit.end])) for unit in units))


def sentence_scores(query: str, sentences: Sequence[Sequence[str]]) -> list[float]:
    """BM25 of each sentence for the query's content words, with the statistics of these sentences.

    Args:
        sentences: content words of each; n sentences of mean length m.

    Returns:
        Length n, each at least 0: the sum over the query's distinct words of
        ``ln(1 + (n - n_w + .5) / (n_w + .5)) * f (k1 + 1) / (f + k1 (1 - b + b l / m))``, where f counts the word in
        the sentence of l words, and n_w sentences have it.

    Source:
        Robertson and Zaragoza (2009), The probabilistic relevance framework, eq. 3.15, with Lucene's positive idf.
    """
    scores = [0.0] * len(sentences)
    mean_length = sum(map(len, sentences)) / max(1, len(sentences))
    for word in dict.fromkeys(content_words(query)):
        counts = [(place, n) for place, words in enumerate(sentences) if (n := words.count(word))]
        weight = log1p((len(sentences) - len(counts) + 0.5) / (len(counts) + 0.5)) * (K1 + 1)
        for place, n in counts:
            scores[place] += weight * n / (n + K1 * (1 - B + B * len(sentences[place]) / mean_length))
    return scores


def kept_units(query: str, passages: Sequence[SplitPassage], config: CompressionConfig) -> list[list[int]] | None:
    """Which units of each passage to keep, in order.

    Units of all passages compete. Of the first passage something is always kept: all of it when nothing was chosen.

    Returns:
        One list of places per passage; None when no unit has a word of the query, so that words tell nothing.
    """
    own_scores = iter(sentence_scores(query, [words for passage in passages for words in passage.words]))
    scores = [_raised([next(own_scores) for _ in passage.words], config.neighbour_weight) for passage in passages]
    ranked = sorted((-score, rank, place) for rank, row in enumerate(scores) for place, score in enumerate(row))
    if not ranked or ranked[0][0] == 0:
        return None
    least = -max(config.min_relative_score, _SOME) * ranked[0][0]
    kept: list[list[int]] = [[] for _ in passages]
    for negative, rank, place in ranked[: min(config.max_sentences, ceil(config.keep_share * len(ranked)))]:
        if -negative >= least:
            kept[rank].append(place)
    return [sorted(kept[0]) or list(range(len(scores[0]))), *map(sorted, kept[1:])]


def compress_drafts(drafts: Sequence[Draft], config: CompressionConfig) -> list[Step]:
    """Each draft with the sentences of its passages that have words of its query, in their order.

    A passage of which nothing is kept is dropped. Where no sentence has a word of the query, all passages stay whole,
    and the facts say so. A shortened passage keeps the vector of its full text.
    """
    split = lru_cache(maxsize=_PASSAGES_KEPT)(split_passage)
    return [_compressed(draft, config, split) for draft in drafts]


def _compressed(draft: Draft, config: CompressionConfig, split: Split) -> Step:
    parts = [split(passage.context.text) for passage in draft.passages]
    kept = kept_units(draft.query, parts, config)
    found = kept is not None
    if kept is None:
        kept = [list(range(len(part.units))) for part in parts]
        passages = draft.passages
    else:
        triples = zip(draft.passages, parts, kept, strict=True)
        passages = tuple(_shortened(passage, part, own) for passage, part, own in triples if own)
    after = replace(draft, passages=passages)
    facts = {
        "words_found": found,
        "n_sentences_before": sum(len(part.units) for part in parts),
        "n_sentences_after": sum(map(len, kept)),
        "n_characters_before": sum(len(passage.context.text) for passage in draft.passages),
        "n_characters_after": sum(len(passage.context.text) for passage in passages),
        "n_dropped": len(draft.passages) - len(passages),
    }
    return Step(after, facts)


def _shortened(passage: Passage, part: SplitPassage, kept: Sequence[int]) -> Passage:
    if len(kept) == len(part.units):
        return passage
    text = joined_units(passage.context.text, part.units, kept)
    return replace(passage, context=passage.context.model_copy(update={"text": text}))


def _raised(scores: Sequence[float], weight: float) -> list[float]:
    """Each score with a share of the better neighbour's: what follows a hit often says what was asked for."""
    padded = [0.0, *scores, 0.0]
    return [
        score + weight * max(before, after) for before, score, after in zip(padded, scores, padded[2:], strict=False)
    ]
