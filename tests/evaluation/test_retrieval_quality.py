"""Context precision and recall by reference ids."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from millrace.evaluation.retrieval_quality import context_precision, context_recall, retrieval_results, shown_passages
from tests.support.scored_traces import context, traces


def passages(*ids: str) -> list[tuple[str, str | None]]:
    return [(each, None) for each in ids]


@pytest.mark.parametrize(
    ("shown", "relevant", "expected"),
    [
        ("ab", {"a"}, 1.0),
        ("ba", {"a"}, 1 / 2),
        ("axb", {"a", "b"}, (1 + 2 / 3) / 2),
        ("xaxb", {"a", "b"}, (1 / 2 + 2 / 4) / 2),
        ("xy", {"a"}, 0.0),
        ("a", {"a", "b", "c"}, 1.0),  # what is missing is recall's matter
    ],
)
def test_precision_worked_by_hand(shown: str, relevant: set[str], expected: float) -> None:
    assert context_precision(passages(*shown), relevant) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_precision_is_average_precision_over_what_was_shown(is_relevant: list[bool]) -> None:
    shown = passages(*(f"p{rank}" for rank in range(len(is_relevant))))
    found = context_precision(shown, {f"p{rank}" for rank, yes in enumerate(is_relevant) if yes} or {"none"})
    if any(is_relevant):
        assert found == pytest.approx(average_precision_score(is_relevant, -np.arange(len(is_relevant))))
    else:
        assert found == 0


def test_recall_counts_each_reference_once_by_passage_or_document() -> None:
    shown = [("c1", "d1"), ("c2", "d1"), ("c3", None)]
    assert context_recall(shown, ["c1", "d1", "c9", "c9"]) == pytest.approx(2 / 3)
    assert context_recall([], ["c1"]) == 0


def test_a_document_id_makes_all_its_passages_relevant() -> None:
    assert context_precision([("c0", "d0"), ("c1", "d1"), ("c2", "d1")], {"d1"}) == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("row", "ids", "precision", "recall"),
    [
        ({"contexts": [context("x")]}, ["c1"], 1.0, 1.0),
        ({"contexts": []}, ["c1"], "no_context", 0.0),
        ({"contexts": [context("x")]}, None, "no_reference", "no_reference"),
        ({"contexts": [context("x")]}, [], "no_reference_contexts", "no_reference_contexts"),
        ({"contexts": [context("x")], "status": "failed"}, ["c1"], "trace_failed", "trace_failed"),
        ({"contexts": [], "status": "blocked"}, ["c1"], "not_searched", "not_searched"),
        ({"contexts": [context("x")], "status": "escalated"}, ["c1"], 1.0, 1.0),
        ({"contexts": [], "status": "abstained"}, ["c1"], "no_context", 0.0),
    ],
)
def test_values_and_reasons(row: dict[str, Any], ids: list[str] | None, precision: object, recall: object) -> None:
    assert retrieval_results(traces(row), [ids]) == ([precision], [recall])


def test_passages_stay_with_their_trace() -> None:
    rows = traces({"contexts": [context("x"), context("y", "c2", doc_id="d")]}, {}, {"contexts": [context("z", "c3")]})
    expected = [[("c1", None), ("c2", "d")], [], [("c3", None)]]
    assert shown_passages(rows) == expected
    assert shown_passages(rows.slice(1)) == expected[1:]
