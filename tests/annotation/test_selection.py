"""What teaches most first: uncertainty, effect, diversity; and the light tables that the choice is made from."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.annotation.selection import (
    ScorerView,
    UsefulFirst,
    candidate_part,
    cases_of,
    first_of_alike,
    shortlist,
    uncertainty,
)
from millrace.datasets.schema import table_of
from millrace.records.groundedness import GroundednessScore
from millrace.records.trace import Trace, utc
from millrace.records.triage import TriageRow

KNOWN: dict[str, Any] = {"time": utc(2026, 11, 9), "tenant_id": "a"}


def traces(*texts: tuple[str, str | None]) -> pa.Table:
    rows = [
        Trace(trace_id=f"t{number}", question=question, answer=answer, **KNOWN)
        for number, (question, answer) in enumerate(texts)
    ]
    return table_of(Trace, rows)


def cases(*known: tuple[float | None, float | None]) -> pa.Table:
    """Cases of (score, failure probability), each with a question of its own."""
    named = list(enumerate(known))
    triage = [
        TriageRow(trace_id=f"t{i}", verdict="ok", reason="", failure_probability=probability, **KNOWN)
        for i, (_, probability) in named
    ]
    scores = [GroundednessScore(trace_id=f"t{i}", score=score, source="test/1") for i, (score, _) in named]
    light = candidate_part(traces(*((f"question {i}", "So.") for i, _ in named)))
    return cases_of(table_of(TriageRow, triage), table_of(GroundednessScore, scores), light)


def in_order(ranking: UsefulFirst, n: int) -> list[int]:
    chosen = []
    for _ in range(n):
        best = ranking.best()
        assert best is not None
        ranking.take(best)
        chosen.append(best)
    return chosen


def test_uncertainty_is_worked_by_hand() -> None:
    # probability .5 and .9: 4 p (1 - p) = 1 and .36; score .55 and 1 against .55: 1 and 1 - .45 / .55; nothing known: 0
    found = uncertainty(cases((None, 0.5), (0.2, 0.9), (0.55, None), (1.0, None), (None, None)), 0.55)
    assert found == pytest.approx([1, 0.36, 1, 1 - 0.45 / 0.55, 0])


def test_without_a_scorer_uncertainty_counts_by_how_many_traces_are_alike() -> None:
    # .9 x log2(2) = .9; .5 x log2(4) = 1; .9 again: the earlier first
    assert in_order(UsefulFirst(np.array([0.9, 0.5, 0.9]), np.array([1.0, 3.0, 1.0])), 3) == [1, 0, 2]


def test_a_case_like_one_taken_gives_way_to_another_kind() -> None:
    # the first two are equal; each alone beats the third, but not once its twin is known
    features = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, -1.0]])
    view = ScorerView(features, np.zeros(2), np.eye(2) * 5)
    assert in_order(UsefulFirst(np.ones(3), np.ones(3), view), 3) == [0, 2, 1]


def test_what_cannot_be_asked_is_dropped_and_teaches_nothing() -> None:
    view = ScorerView(np.array([[1.0, 2.0], [1.0, 2.0]]), np.zeros(2), np.eye(2))
    ranking = UsefulFirst(np.ones(2), np.ones(2), view)
    ranking.drop(0)
    assert ranking.best() == 1
    assert ranking.view is view
    ranking.drop(1)
    assert ranking.best() is None


def test_traces_are_alike_by_tenant_question_and_answer_but_for_case_and_white_space_around() -> None:
    table = traces(("Why?", "So."), (" why? ", "SO."), ("Why?", "No."), ("Why?", None), ("Why?\x1fSo.", ""))
    alike = candidate_part(table).column("alike").to_pylist()
    assert alike[0] == alike[1]
    assert len(set(alike)) == 4
    other_tenant = candidate_part(table.set_column(2, "tenant_id", pa.array(["b"] * 5))).column("alike").to_pylist()
    assert set(alike).isdisjoint(other_tenant)


def test_the_first_of_those_alike_stands_for_all() -> None:
    table = pa.table({"alike": pa.array([b"b" * 8, b"a" * 8, b"b" * 8, b"b" * 8], pa.binary(8))})
    first, counts = first_of_alike(table)
    assert (first.tolist(), counts.tolist()) == ([0, 1], [3.0, 1.0])


def test_cases_are_sorted_and_hold_what_each_table_knows_whatever_its_order() -> None:
    found = cases((0.1, None), (0.2, 0.5), (None, 0.7))
    assert found.column("trace_id").to_pylist() == ["t0", "t1", "t2"]
    assert found.column("score").to_pylist() == [0.1, 0.2, None]
    assert found.column("failure_probability").to_pylist() == [None, 0.5, 0.7]


@given(
    scores=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=40),
    size=st.integers(1, 20).map(lambda n: 2 * n),
)
def test_a_shortlist_has_its_size_no_case_twice_and_the_most_promising(scores: list[float | None], size: int) -> None:
    known = cases(*((score, None) for score in scores))
    uncertain = uncertainty(known, 0.55)
    found = shortlist(known, uncertain, np.ones(len(scores)), size).tolist()
    assert len(found) == len(set(found)) == min(size, len(scores))
    assert found == sorted(found)
    promising = np.argsort(-uncertain, kind="stable")[: size // 2]
    assert set(promising.tolist()) <= set(found)


def test_a_shortlist_reaches_both_ends_of_the_scores() -> None:
    scores = np.linspace(0, 1, 101)
    known = cases(*((float(score), None) for score in scores))
    found = known.column("score").to_numpy()[shortlist(known, uncertainty(known, 0.5), np.ones(101), 10)]
    assert (found.min(), found.max()) == (0.0, 1.0)
