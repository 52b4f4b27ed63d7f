"""Names of groups of questions: their most typical words, as people wrote them."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from millrace.methods.text import content_words, words

QuestionCounts = Mapping[str, int]


def group_labels(groups: Sequence[QuestionCounts], n_words: int) -> list[str]:
    """The words that set each group apart from the others, most typical first, joined by spaces.

    A word's weight in a group is ``f / w * log(1 + a / F)``: f, questions of the group that have the word; w, content
    words of the group; F, questions of all groups that have it; a, mean content words of a group. Equal weights are
    ordered by f, then by the word's normal form.

    Args:
        groups: for each group its questions in normal form and how often each was asked.
        n_words: words in a label, at most.

    Returns:
        A label for each group, in the form of the words that its questions have most often: "series" for the stem
        "sery". A group without content words is called by its most asked question, or "no words".

    Source:
        Grootendorst (2022), BERTopic, arXiv:2203.05794, eq. 2 (c-TF-IDF), with questions instead of occurrences.
    """
    inside = [_word_counts(group) for group in groups]
    overall: Counter[str] = Counter()
    for counts in inside:
        overall.update(counts)
    mean_words = overall.total() / max(1, len(groups))
    return [_label(group, counts, overall, mean_words, n_words) for group, counts in zip(groups, inside, strict=True)]


def _label(group: QuestionCounts, inside: Counter[str], overall: Counter[str], mean_words: float, n_words: int) -> str:
    if not inside:
        return min(group, key=lambda question: (-group[question], question)) or "no words"
    # the group's own number of words scales all its weights alike
    weight = {word: n * math.log1p(mean_words / overall[word]) for word, n in inside.items()}
    typical = sorted(weight, key=lambda word: (-weight[word], -inside[word], word))
    return _as_written(typical[:n_words], group)


def _as_written(stems: Sequence[str], group: QuestionCounts) -> str:
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for question, n in group.items():
        for word in words(question):
            for stem in content_words(word):
                forms[stem][word] += n
    return " ".join(min(forms[stem], key=lambda word: (-forms[stem][word], word)) for stem in stems)


def _word_counts(group: QuestionCounts) -> Counter[str]:
    """In how many questions each word stands, repetitions counted."""
    counts: Counter[str] = Counter()
    for question, n in group.items():
        for word in set(content_words(question)):
            counts[word] += n
    return counts
