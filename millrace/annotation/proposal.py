"""Chooses what people are asked: each group of failures first, then what teaches most (A30)."""

from collections.abc import Iterator, Set
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.annotation.choice import Choice, Fetch, ProposalConfig, estimated_minutes, n_annotators, question_key
from millrace.annotation.selection import (
    Floats,
    Indices,
    ScorerView,
    UsefulFirst,
    candidate_part,
    cases_of,
    first_of_alike,
    shortlist,
    uncertainty,
)
from millrace.datasets.schema import table_of
from millrace.methods.groundedness_belief import ScorerBelief
from millrace.records.annotation import AnnotationTask

__all__ = ["ProposalConfig", "estimated_minutes", "n_annotators", "propose", "propose_from", "question_key"]

_STAND_INS = 8  # members of a group that are fetched at once, in case the first were asked about or are too long
_GROUPS_AT_ONCE = 128


def propose(
    triage: pa.Table,
    groups: pa.Table,
    traces: pa.Table,
    scores: pa.Table,
    *,
    asked_keys: Set[str],
    config: ProposalConfig,
    belief: ScorerBelief | None = None,
) -> pa.Table:
    """As ``propose_from``, with every trace of ``triage`` in memory."""

    def fetch(ids: pa.Array) -> pa.Table:
        return traces.filter(pc.is_in(traces.column("trace_id"), ids))

    light = candidate_part(traces)
    return propose_from(triage, groups, scores, light, fetch=fetch, asked_keys=asked_keys, config=config, belief=belief)


def propose_from(
    triage: pa.Table,
    groups: pa.Table,
    scores: pa.Table,
    candidates: pa.Table,
    *,
    fetch: Fetch,
    asked_keys: Set[str],
    config: ProposalConfig,
    belief: ScorerBelief | None = None,
) -> pa.Table:
    """The tasks to ask people, most useful first, within the budget.

    One trace of each group comes first, the largest cluster first, what is in no cluster last, resolved groups never.
    Then the cases with a groundedness score by uncertainty x expected effect (``UsefulFirst``), given what was chosen
    before; then the failures that have none. A task that does not fit the budget is passed over for the next that
    does, of those that were fetched with it. The result does not depend on the order of rows.

    Args:
        triage: table of TriageRow with ``group_id`` filled in.
        groups: table of FailureGroup.
        scores: table of GroundednessScore.
        candidates: ``candidate_part`` of every part of the traces; nothing else is asked about.
        fetch: gives the rows of Trace with these ids, in any order; called a few times, with at most ``shortlist``
            ids or 1 024.
        asked_keys: ``question_key`` of everything ever asked, skipped tasks included; none is asked again.
        config: the budget.
        belief: of the groundedness scorer that is to learn from the answers; without it, the expected effect is the
            number of traces alike.

    Returns:
        Table of AnnotationTask in order of ``position``; empty when all was asked or nothing fits.
    """
    cases = cases_of(triage, scores, candidates)
    choice = Choice(cases, groups, scores, fetch, asked_keys, config)
    _take_groups(choice, cases, groups)
    _take_useful(choice, cases, belief)
    _take_unscored(choice, cases)
    return table_of(AnnotationTask, choice.tasks)


def _take_groups(choice: Choice, cases: pa.Table, groups: pa.Table) -> None:
    """One trace of each group: the first that can be asked about, central ones first."""
    asked = _stand_ins(cases, groups)
    while choice.has_room() and (batch := list(islice(asked, _GROUPS_AT_ONCE))):
        while batch and choice.has_room():
            offered = [(why, ids, list(islice(ids, _STAND_INS))) for why, ids in batch]
            choice.fetch([trace_id for _, _, first in offered for trace_id in first])
            batch = [
                (why, ids)
                for why, ids, first in offered
                if first and not (choice.has_room() and any(choice.take(trace_id, why) for trace_id in first))
            ]
            if choice.is_stuck:
                return


def _stand_ins(cases: pa.Table, groups: pa.Table) -> Iterator[tuple[str, Iterator[str]]]:
    """For each group, in the order in which they are asked about: why, and the traces that can stand for it."""
    failed = cases.select(["trace_id", "group_id"]).filter(pc.is_valid(cases.column("group_id")))
    members: dict[str, list[str]] = {}
    for trace_id, group_id in zip(*(column.to_pylist() for column in failed.columns), strict=True):
        members.setdefault(group_id, []).append(trace_id)
    for group in sorted(groups.to_pylist(), key=lambda each: (not each["clustered"], -each["size"], each["group_id"])):
        known = members.get(group["group_id"], [])
        central = [trace_id for trace_id in group["example_trace_ids"] if trace_id in set(known)]
        kind = group["failure_type"].replace("_", " ")
        if group["size"]:
            yield (
                f"stands for a group of {group['size']} ({kind}): {group['label']}",
                iter(dict.fromkeys([*central, *known])),
            )


def _take_useful(choice: Choice, cases: pa.Table, belief: ScorerBelief | None) -> None:
    """What teaches most of the cases that have a groundedness score, a shortlist at a time."""
    scored = cases.filter(pc.is_valid(cases.column("score")))
    first, n_alike = first_of_alike(scored)
    scored = scored.take(pa.array(first))
    uncertain = uncertainty(scored, choice.config.uncertain_groundedness)
    covariance = None if belief is None else _after(choice, belief)
    left = np.arange(scored.num_rows)
    while len(left) and choice.has_room():
        picked = left[shortlist(scored.take(pa.array(left)), uncertain[left], n_alike[left], choice.config.shortlist)]
        traces = choice.fetch(scored.column("trace_id").take(pa.array(picked)).to_pylist())
        view = None if belief is None else _view(belief, covariance, traces, scored, picked)
        ranking = UsefulFirst(uncertain[picked], n_alike[picked], view)
        _take_best(choice, ranking, scored.take(pa.array(picked)))
        covariance = None if ranking.view is None else ranking.view.covariance
        left = np.setdiff1d(left, picked)
        if choice.is_stuck:
            return


def _take_best(choice: Choice, ranking: UsefulFirst, cases: pa.Table) -> None:
    ids, scores = cases.column("trace_id").to_pylist(), cases.column("score").to_pylist()
    threshold = choice.config.uncertain_groundedness
    purpose = "uncertain" if ranking.view is None else "teaches the scorer"
    while choice.has_room() and (best := ranking.best()) is not None:
        why = f"{purpose}: groundedness {scores[best]:.2f}, threshold {threshold:.2f}"
        if choice.take(ids[best], why):
            ranking.take(best)
        else:
            ranking.drop(best)


def _after(choice: Choice, belief: ScorerBelief) -> Floats:
    """What is believed of the scorer's weights once the tasks chosen so far are answered."""
    if not choice.tasks:
        return belief.covariance
    traces = choice.fetch([task.trace_id for task in choice.tasks])
    return belief.once_answered(traces).covariance


def _view(
    belief: ScorerBelief, covariance: Floats | None, traces: pa.Table, scored: pa.Table, picked: Indices
) -> ScorerView:
    """A case that cannot be measured has features of 0 and so teaches nothing."""
    features = belief.features(traces)
    nothing = np.zeros(len(belief.weights))
    ids = scored.column("trace_id").take(pa.array(picked)).to_pylist()
    rows = np.array([features.get(trace_id, nothing) for trace_id in ids])
    return ScorerView(rows, belief.weights, belief.covariance if covariance is None else covariance)


def _take_unscored(choice: Choice, cases: pa.Table) -> None:
    """Failures that have no groundedness score, by trace id."""
    wanted = pc.and_(pc.is_null(cases.column("score")), pc.is_valid(cases.column("failure_type")))
    rest = cases.filter(wanted)
    size = choice.config.shortlist
    for start in range(0, rest.num_rows, size):
        batch = rest.slice(start, size)
        ids, kinds = (batch.column(name).to_pylist() for name in ("trace_id", "failure_type"))
        if choice.has_room():
            choice.fetch(ids)
            for trace_id, kind in zip(ids, kinds, strict=True):
                if choice.has_room():
                    choice.take(trace_id, f"another failure ({kind.replace('_', ' ')}) that has no groundedness score")
        if choice.is_stuck:
            return
