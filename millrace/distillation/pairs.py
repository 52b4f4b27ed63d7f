"""Which records become pairs (D6), chosen from numbers alone and in an order of their own.

Within a task of one tenant an accepted record is preferred to a rejected one; where that gives no pair, to a partially
accepted one. Only answers to one prompt are compared. A record without a prompt takes that of its task, when the task
has exactly one. Choices are spread: every record is used once before any is used twice.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from millrace.distillation.candidates import ACCEPTED, PARTIAL, REJECTED, Candidates
from millrace.distillation.config import PreferenceConfig
from millrace.distillation.texts import Integers, Keys, Mask

_TRIES = 4  # pairs of one prompt that are looked at for each that is wanted: some say the same on both sides
_TRIES_ACROSS = 16  # more, for records of one stream or task are passed over


@dataclass(frozen=True)
class Pairs:
    """Places of both sides among the candidates; ``good`` pairs should pass the firewall, the others are refused."""

    chosen: Integers
    rejected: Integers
    good: Mask

    def __len__(self) -> int:
        return len(self.chosen)

    def take(self, places: Integers | Mask) -> "Pairs":
        return Pairs(self.chosen[places], self.rejected[places], self.good[places])


@dataclass(frozen=True)
class PairRows:
    """The pairs considered, by rows of the evidence, in the order of the chosen rows."""

    chosen: Integers
    rejected: Integers
    by_subject: Mask


def choose_pairs(records: Candidates, config: PreferenceConfig) -> PairRows:
    """The pairs to export, and those to refuse so that it is known why a task has none.

    What is chosen does not depend on the order of the rows.
    """
    tasks = _mixed(records.tenant, records.task)
    by_task = _chosen(records, tasks, config)
    prompts = _mismatches(records, tasks, records.prompt, by_task, config)
    by_task = _joined(by_task, prompts)
    by_task = _joined(by_task, _mismatches(records, records.task, records.tenant, by_task, config))
    by_subject = _across_streams(records, tasks, by_task, config) if config.across_streams else _none()
    both = _joined(by_task, by_subject)
    order = np.lexsort((records.row[both.rejected], records.row[both.chosen]))
    subject = np.arange(len(both)) >= len(by_task)
    return PairRows(records.row[both.chosen[order]], records.row[both.rejected[order]], subject[order])


def _chosen(records: Candidates, groups: Keys, config: PreferenceConfig, *, across: bool = False) -> Pairs:
    """Accepted over rejected; accepted over partially accepted for groups without a good one of those."""
    prompts = _single_prompts(groups, records.prompt)
    pairs = _considered(records, groups, prompts, REJECTED, config.max_pairs_per_task, across=across)
    if not config.partial_fallback:
        return pairs
    places = np.flatnonzero(~np.isin(groups, groups[pairs.chosen[pairs.good]]))
    rest = records.take(places)
    more = _considered(rest, groups[places], prompts[places], PARTIAL, config.max_pairs_per_task, across=across)
    return _joined(pairs, Pairs(places[more.chosen], places[more.rejected], more.good))


def _considered(records: Candidates, groups: Keys, prompts: Keys, lower: int, limit: int, *, across: bool) -> Pairs:
    """Within each group, pairs of one prompt in turns over its prompts, until ``limit`` are good.

    Args:
        across: pass over pairs of one stream or one task.
    """
    classes = _mixed(groups, prompts)
    accepted = _in_order(records, classes, ACCEPTED)
    others = _in_order(records, classes, lower)
    chosen, rejected, turn = _diagonals(
        classes[accepted], classes[others], limit * (_TRIES_ACROSS if across else _TRIES)
    )
    chosen, rejected = accepted[chosen], others[rejected]
    asked = prompts[chosen] != 0
    good = asked & (records.text[chosen] != records.text[rejected])
    kept = asked | (turn == 0)  # without a prompt one refusal says it all
    if across:
        kept &= (records.stream[chosen] != records.stream[rejected]) & (records.task[chosen] != records.task[rejected])
    pairs, turn = Pairs(chosen, rejected, good).take(kept), turn[kept]
    order = np.lexsort((classes[pairs.chosen], turn, groups[pairs.chosen]))
    pairs = pairs.take(order)
    return pairs.take(_earlier_in_group(groups[pairs.chosen], pairs.good) < limit)


def _diagonals(chosen: Keys, rejected: Keys, limit: int) -> tuple[Integers, Integers, Integers]:
    """Up to ``limit`` different pairs in each class, both sides used evenly; classes are sorted.

    Pair k of a class with n and m members joins k mod n and (k + k div lcm(n, m)) mod m.

    Returns:
        Places of both sides, and the number of each pair in its class.
    """
    own, first, n = np.unique(chosen, return_index=True, return_counts=True)
    other, other_first, m = np.unique(rejected, return_index=True, return_counts=True)
    _, here, there = np.intersect1d(own, other, assume_unique=True, return_indices=True)
    totals = np.minimum(n[here] * m[there], limit)
    of_pair = np.repeat(np.arange(len(here)), totals)
    k = np.arange(len(of_pair)) - (np.cumsum(totals) - totals)[of_pair]
    here, there = here[of_pair], there[of_pair]
    places = first[here] + k % n[here]
    shifted = k + k // np.lcm(n[here], m[there])
    return places, other_first[there] + shifted % m[there], k


def _mismatches(records: Candidates, groups: Keys, differing: Keys, known: Pairs, config: PreferenceConfig) -> Pairs:
    """One pair to refuse for each group of which no pair was considered, as its sides differ in prompt or tenant.

    A record without a prompt is no side of one: of several prompts its own is not known, and the firewall, which sees
    two records alone, would let it take the other's.
    """
    lower = records.category == REJECTED
    if config.partial_fallback:
        lower |= records.category == PARTIAL
    seen = np.isin(groups, groups[known.chosen]) | np.isin(groups, groups[known.rejected])
    sides = [
        places[np.unique(groups[places], return_index=True)[1]]
        for places in (
            _ordered(records, groups, ~seen & (differing != 0) & (records.category == ACCEPTED)),
            _ordered(records, groups, ~seen & (differing != 0) & lower),
        )
    ]
    _, here, there = np.intersect1d(groups[sides[0]], groups[sides[1]], assume_unique=True, return_indices=True)
    pairs = Pairs(sides[0][here], sides[1][there], np.zeros(len(here), dtype=np.bool_))
    return pairs.take(differing[pairs.chosen] != differing[pairs.rejected])


def _across_streams(records: Candidates, tasks: Keys, by_task: Pairs, config: PreferenceConfig) -> Pairs:
    """Pairs of two streams and tasks about one subject, of records that are in no pair of their task."""
    free = records.subject != 0
    free[by_task.chosen[by_task.good]] = free[by_task.rejected[by_task.good]] = False
    places = np.flatnonzero(free)
    rest, subjects = records.take(places), _mixed(records.tenant, records.subject)[places]
    found = _chosen(rest, subjects, config, across=True)
    pairs = Pairs(places[found.chosen], places[found.rejected], found.good)
    used = dict(zip(*np.unique(tasks[by_task.chosen[by_task.good]], return_counts=True), strict=True))
    order = np.lexsort((records.order[pairs.rejected], records.order[pairs.chosen], tasks[pairs.chosen]))
    pairs = pairs.take(order)
    own = tasks[pairs.chosen]
    before = np.array([used.get(task, 0) for task in own], dtype=np.int64) + _earlier_in_group(own, pairs.good)
    return pairs.take(before < config.max_pairs_per_task)


def _single_prompts(groups: Keys, prompts: Keys) -> Keys:
    """The prompt of each record; one without takes that of its group, when it has exactly one."""
    asked = np.flatnonzero(prompts)
    distinct = asked[np.unique(_mixed(groups[asked], prompts[asked]), return_index=True)[1]]
    own, first, n_prompts = np.unique(groups[distinct], return_index=True, return_counts=True)
    own, only = own[n_prompts == 1], prompts[distinct[first[n_prompts == 1]]]
    found = prompts.copy()
    lacking = np.flatnonzero((prompts == 0) & np.isin(groups, own))
    found[lacking] = only[np.searchsorted(own, groups[lacking])]
    return found


def _earlier_in_group(groups: Keys, good: Mask) -> Integers:
    """How many good ones of its group stand before each; groups lie together."""
    before: Integers = np.cumsum(good) - good
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]])) if len(groups) else np.zeros(0, int)
    sizes = np.diff(np.append(starts, len(groups)))
    earlier: Integers = before - np.repeat(before[starts], sizes)
    return earlier


def _in_order(records: Candidates, classes: Keys, category: int) -> Integers:
    return _ordered(records, classes, records.category == category)


def _ordered(records: Candidates, groups: Keys, chosen: Mask) -> Integers:
    """Places of the chosen records by group, then by the order of records."""
    places = np.flatnonzero(chosen)
    ordered: Integers = places[np.lexsort((records.order[places], groups[places]))]
    return ordered


def _joined(first: Pairs, second: Pairs) -> Pairs:
    return Pairs(*(np.concatenate([vars(first)[name], vars(second)[name]]) for name in vars(first)))


def _none() -> Pairs:
    nothing = np.zeros(0, dtype=np.int64)
    return Pairs(nothing, nothing, np.zeros(0, dtype=np.bool_))


def _mixed(first: Keys, second: Keys) -> Keys:
    """One key of two, each of which is evenly spread or 0 (the multiplier of splitmix64, Steele et al. 2014)."""
    turned: npt.NDArray[np.uint64] = (first ^ (first >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return turned + second
