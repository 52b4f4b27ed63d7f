"""Which eval texts the words of records hold: whole, by a long run, or most of a short one's runs of five.

Decided by hashes of runs of words, for all records of a slice at once. Two different runs have one hash in 2**64 cases;
that would quarantine a record too many, never let one through.

Source: runs of 13 words are those of Brown et al. (2020), arXiv 2005.14165, appendix C.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millrace.distillation.eval_texts import EvalText
from millrace.distillation.word_forms import Hashes, Places, Words, known_runs, polynomial, runs_at, words_of

SHORT_RUN = 5  # words; runs that an eval text shorter than the long run is compared by
_AT_ONCE = 1 << 20  # pairs of record and run that are looked up together

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Segments:
    """Texts of records: ``words`` of each, the record it belongs to, and what it may equal."""

    words: Words
    record: Places
    asks: Flags
    answers: Flags


class WordMatches(NamedTuple):
    """Records that hold an eval text, all of shape (n,): the place of each in its list, and how much of it is held.

    A record and text may occur twice, once as exact.
    """

    record: Places
    text: Places
    exact: Flags
    share: Floats


class Known:
    """Tells most words that are in no eval text from those that are, by the first bits of their hashes."""

    def __init__(self, hashes: Hashes) -> None:
        bits = min(max(16, len(hashes).bit_length() + 4), 24)
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=np.bool_)
        self._table[hashes >> self._shift] = True

    def maybe(self, hashes: Hashes) -> Flags:
        """False only for what is not known; shape (n,)."""
        return self._table.take((hashes >> self._shift).view(np.int64), mode="clip")


class Postings:
    """From a key to its values, for many keys at once; most keys that are looked up are not there."""

    def __init__(self, keys: Hashes, values: Places) -> None:
        order = np.argsort(keys, kind="stable")
        self._values = values[order]
        self._keys, starts = np.unique(keys[order], return_index=True)
        self._starts = np.append(starts, len(keys))
        self._known = Known(self._keys)

    def find(self, hashes: Hashes) -> tuple[Places, Places]:
        """For each value of each key: the key's place in ``hashes``, and the value; in order of place, then value."""
        places = np.flatnonzero(self._known.maybe(hashes))
        rows = np.searchsorted(self._keys, hashes[places])
        rows[rows == len(self._keys)] = 0
        same = self._keys[rows] == hashes[places] if len(places) else np.zeros(0, dtype=np.bool_)
        return _expanded(places[same], rows[same], self._starts, self._values)


@dataclass(frozen=True, eq=False)
class RunIndex:
    """The eval texts that are compared by runs of one size.

    Attributes:
        runs: from a run's hash to its number.
        run_starts, run_numbers: the distinct runs of text i are ``run_numbers[run_starts[i]:run_starts[i + 1]]``.
        candidates: from a run's number to texts that may be held where it is; (starts, texts).
        whole: from a run's number to texts that it stands for, and where in each it lies; (starts, texts), offsets.
    """

    size: int
    runs: Postings
    texts: Places
    needed: Places
    run_starts: Places
    run_numbers: Places
    candidates: tuple[Places, Places]
    whole: tuple[Places, Places]
    offsets: Places


class WordIndex:
    """The eval texts, ready to be looked for."""

    def __init__(self, texts: Sequence[EvalText], ngram_words: int, ngram_share: float) -> None:
        words = words_of(pa.array([each.text for each in texts], pa.large_string()))
        self._known = Known(words.hashes)
        self._lengths = np.diff(words.starts)
        self._hashes = polynomial(words.hashes, words.starts[:-1], self._lengths)
        self._known_lengths = np.unique(self._lengths)
        self._questions = self._equal([place for place, each in enumerate(texts) if each.is_question])
        self._answers = self._equal(
            [place for place, each in enumerate(texts) if not each.is_question and each.counts_alone]
        )
        self._by_size = [
            _run_index(size, long, texts, words, ngram_share) for size, long in _sizes(texts, ngram_words).items()
        ]

    def _equal(self, places: list[int]) -> Postings:
        chosen = np.array(places, dtype=np.int64)
        return Postings(self._hashes[chosen], chosen)

    def find(self, segments: Segments) -> WordMatches:
        """Every eval text that a record holds, but for what a text with a lower place says of the same long run."""
        hashes, found = segments.words.hashes, [self._equals(segments)]
        begins = known_runs(self._known.maybe(hashes), [each.size for each in self._by_size])
        for index in self._by_size:
            found += self._held(index, segments, begins[index.size])
        return WordMatches(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def _equals(self, segments: Segments) -> WordMatches:
        """Questions that were asked, and answers that were given."""
        lengths = np.diff(segments.words.starts)
        near = np.flatnonzero(np.isin(lengths, self._known_lengths) & (segments.asks | segments.answers))
        hashes = polynomial(segments.words.hashes, segments.words.starts[near], lengths[near])
        asked, given = np.flatnonzero(segments.asks[near]), np.flatnonzero(segments.answers[near])
        places, texts = self._questions.find(hashes[asked])
        more_places, more_texts = self._answers.find(hashes[given])
        whole = segments.record[near[np.concatenate([asked[places], given[more_places]])]]
        return _exact(whole, np.concatenate([texts, more_texts]))

    def _held(self, index: RunIndex, segments: Segments, begins: Places) -> list[WordMatches]:
        """Of the runs of the index's size that begin at these words."""
        hashes, starts = segments.words.hashes, segments.words.starts
        places, numbers = index.runs.find(runs_at(hashes, begins, index.size))
        places = begins[places]
        at = np.searchsorted(starts, places, side="right") - 1
        inside = places + index.size <= starts[at + 1]
        places, numbers, at = places[inside], numbers[inside], at[inside]
        records = segments.record[at]
        return [self._whole(index, segments, (places, numbers, at)), _shares(index, records, numbers)]

    def _whole(self, index: RunIndex, segments: Segments, hits: tuple[Places, Places, Places]) -> WordMatches:
        """Questions all of whose words stand in a row."""
        places, numbers, at = hits
        rows, entries = _expanded(np.arange(len(places)), numbers, index.whole[0], np.arange(len(index.whole[1])))
        texts, begins = index.whole[1][entries], places[rows] - index.offsets[entries]
        starts, at = segments.words.starts, at[rows]
        inside = (begins >= starts[at]) & (begins + self._lengths[texts] <= starts[at + 1])
        texts, begins, at = texts[inside], begins[inside], at[inside]
        same = polynomial(segments.words.hashes, begins, self._lengths[texts]) == self._hashes[texts]
        return _exact(segments.record[at[same]], texts[same])


def _exact(records: Places, texts: Places) -> WordMatches:
    return WordMatches(records, texts, np.ones(len(records), dtype=np.bool_), np.ones(len(records)))


def _shares(index: RunIndex, records: Places, numbers: Places) -> WordMatches:
    """Texts of which a record holds enough runs, with the share of them that it holds."""
    n_runs = int(index.run_numbers.max(initial=0)) + 1
    held = np.unique(records * n_runs + numbers)
    rows, texts = _expanded(held // n_runs, held % n_runs, *index.candidates)
    pairs = np.unique(rows * len(index.texts) + texts)
    rows, texts = pairs // len(index.texts), pairs % len(index.texts)
    counts = np.zeros(len(pairs), dtype=np.int64)
    sizes = np.diff(index.run_starts)
    step = max(_AT_ONCE // max(int(sizes.max(initial=1)), 1), 1)
    for start in range(0, len(pairs), step):
        part = np.arange(start, min(start + step, len(pairs)))
        owner, run = _expanded(part, texts[part], index.run_starts, index.run_numbers)
        there = _among(rows[owner] * n_runs + run, held)
        counts += np.bincount(owner[there], minlength=len(pairs))
    enough = counts >= index.needed[texts]
    share = counts[enough] / sizes[texts[enough]]
    return WordMatches(rows[enough], index.texts[texts[enough]], np.zeros(int(enough.sum()), dtype=np.bool_), share)


def _among(values: Places, known: Places) -> Flags:
    """Whether each value is known; ``known`` ascends."""
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    return np.asarray(known[places] == values) if len(known) else np.zeros(len(values), dtype=np.bool_)


def _sizes(texts: Sequence[EvalText], ngram_words: int) -> dict[int, list[tuple[int, bool]]]:
    """Which texts are compared by runs of which size; and of each whether one run is enough.

    A question that leans on its conversation is never given away by one long run.
    """
    sizes: dict[int, list[tuple[int, bool]]] = {}
    for place, each in enumerate(texts):
        if each.found_inside:
            long = each.n_words >= ngram_words and each.turn is None
            size = ngram_words if long else min(SHORT_RUN, each.n_words)
            sizes.setdefault(size, []).append((place, long))
    return sizes


def _run_index(
    size: int, members: Sequence[tuple[int, bool]], texts: Sequence[EvalText], words: Words, share: float
) -> RunIndex:
    own = [
        runs_at(words.hashes, np.arange(words.starts[place], words.starts[place + 1] - size + 1), size)
        for place, _ in members
    ]
    distinct = [np.unique(each) for each in own]
    keys, number_of, frequency = np.unique(np.concatenate(distinct), return_inverse=True, return_counts=True)
    run_starts = np.concatenate([[0], np.cumsum([len(each) for each in distinct])]).astype(np.int64)
    needed = [
        1 if long else math.ceil(share * len(each) - 1e-9) for (_, long), each in zip(members, distinct, strict=True)
    ]
    candidates: list[tuple[int, int]] = []
    whole: list[tuple[int, int, int]] = []
    taken: set[int] = set()
    for row, (place, long) in enumerate(members):
        numbers = number_of[run_starts[row] : run_starts[row + 1]]
        rarest = numbers[np.lexsort((numbers, frequency[numbers]))]
        if long:  # one text a run is enough to find the record; the lowest comes first
            fresh = [number for number in numbers.tolist() if number not in taken]
            taken.update(fresh)
            candidates += [(number, row) for number in fresh]
        else:
            candidates += [(int(number), row) for number in rarest[: len(rarest) - needed[row] + 1]]
        if texts[place].is_question:
            first = int(np.flatnonzero(own[row] == keys[rarest[0]])[0])
            whole.append((int(rarest[0]), place, first))
    found, entries = _grouped([each[0] for each in whole], len(keys)), np.array(whole, dtype=np.int64).reshape(-1, 3)
    by_run = _grouped([each[0] for each in candidates], len(keys))
    rows = np.array([each[1] for each in candidates], dtype=np.int64)
    return RunIndex(
        size=size,
        runs=Postings(keys, np.arange(len(keys))),
        texts=np.array([place for place, _ in members], dtype=np.int64),
        needed=np.array(needed, dtype=np.int64),
        run_starts=run_starts,
        run_numbers=number_of.astype(np.int64),
        candidates=(by_run[0], rows[by_run[1]]),
        whole=(found[0], entries[found[1], 1]),
        offsets=entries[found[1], 2],
    )


def _grouped(numbers: Sequence[int], n_groups: int) -> tuple[Places, Places]:
    """Where each number's entries begin once sorted, shape (n_groups + 1,), and the order that sorts them."""
    array = np.array(numbers, dtype=np.int64)
    order = np.argsort(array, kind="stable")
    return np.searchsorted(array[order], np.arange(n_groups + 1)).astype(np.int64), order


def _expanded(owners: Places, groups: Places, starts: Places, values: Places) -> tuple[Places, Places]:
    """Each owner once for every value of its group, and those values."""
    sizes = starts[groups + 1] - starts[groups]
    total = int(sizes.sum())
    inner = np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(owners, sizes), values[np.repeat(starts[groups], sizes) + inner]
