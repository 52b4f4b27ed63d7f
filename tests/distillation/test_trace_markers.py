"""What others said of traces arrives at them, the last word first, whatever the order it was stored in."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from millrace.distillation import trace_markers
from millrace.distillation.streams import Scope
from millrace.distillation.trace_index import TraceIndex
from millrace.records.trace import utc
from tests.support.stored import source, stored

SENTENCE = {"start": 0, "end": 1, "level": "lexical", "context_id": None}


@pytest.fixture
def index(tmp_path: Path) -> TraceIndex:
    """Traces t0 to t3 of one tenant; t1 is there twice."""
    rows = [{"trace_id": f"t{number}"} for number in range(3)]
    again = [{"trace_id": "t1", "answer": "Other."}, {"trace_id": "t3"}]
    return TraceIndex([source(tmp_path, "traces", *rows), source(tmp_path, "traces", *again)], Scope())


def said(columns: list[Any]) -> dict[str, dict[int, Any]]:
    return {
        each.name: dict(zip(each.places.tolist(), each.values.to_pylist(), strict=True))
        for each in columns
        if len(each.places)
    }


def test_groundedness_and_the_share_of_grounded_sentences(tmp_path: Path, index: TraceIndex) -> None:
    sentences = [SENTENCE | {"support": support} for support in (0.5, 0.49, 1.0, 0.0)]
    first = {"trace_id": "t0", "score": 0.75, "sentences": sentences}
    scores = stored(tmp_path, "groundedness", first, {"trace_id": "t2", "reason": "no_answer"}, {"trace_id": "else"})
    assert said(trace_markers.groundedness_markers(index, [scores])) == {
        "groundedness": {0: 0.75},
        "grounded_fraction": {0: 0.5},
    }


def test_a_later_dataset_has_the_last_word_on_a_trace_with_all_it_says(tmp_path: Path, index: TraceIndex) -> None:
    failed = {"verdict": "failure", "failure_type": "hallucination", "confidence": 0.5}
    first = stored(tmp_path, "triage", {"trace_id": "t0"} | failed, {"trace_id": "t1"} | failed)
    later = stored(tmp_path, "triage", {"trace_id": "t0"})
    assert said(trace_markers.triage_markers(index, [first, later])) == {
        "triage": {0: "ok", 1: "failure"},
        "failure_type": {1: "hallucination"},
        "triage_confidence": {1: 0.5},
    }
    assert said(trace_markers.triage_markers(index, [later, first]))["triage"] == {0: "failure", 1: "failure"}


def test_a_metric_that_was_not_scored_later_keeps_its_score(tmp_path: Path, index: TraceIndex) -> None:
    first = stored(
        tmp_path,
        "metric_scores",
        {"trace_id": "t0", "metric": "relevance", "value": 0.25},
        {"trace_id": "t0", "metric": "precision", "value": 0.5},
    )
    later = stored(
        tmp_path,
        "metric_scores",
        {"trace_id": "t0", "metric": "relevance", "value": 0.75},
        {"trace_id": "t0", "metric": "precision", "status": "skipped", "reason": "no_gateway"},
    )
    found = trace_markers.metric_markers(index, [first, later])
    assert said(found) == {"metric.precision": {0: 0.5}, "metric.relevance": {0: 0.75}}
    assert said(trace_markers.metric_markers(index, [later, first]))["metric.relevance"] == {0: 0.25}


def test_ratings_are_put_together_by_person_then_over_people(tmp_path: Path, index: TraceIndex) -> None:
    def rating(trace_id: str, annotator: str, value: float, dimension: str = "faithfulness") -> dict[str, Any]:
        return {"trace_id": trace_id, "annotator": annotator, "value": value, "dimension": dimension}

    first = stored(
        tmp_path,
        "human_ratings",
        *(rating("t0", "ann", 1), rating("t0", "ben", 4), rating("t0", "ben", 3), rating("t0", "cid", 2)),
        rating("t3", "ann", 4, "fluency"),
    )
    later = stored(tmp_path, "human_ratings", rating("t0", "ann", 2))
    # ann 2 (her later word), ben (4 + 3) / 2 = 3.5, cid 2
    assert said(trace_markers.rating_markers(index, [first, later])) == {
        "rating.faithfulness.min": {0: 2.0},
        "rating.faithfulness.mean": {0: 2.5},
        "rating.faithfulness.n": {0: 3},
        "rating.fluency.min": {4: 4.0},
        "rating.fluency.mean": {4: 4.0},
        "rating.fluency.n": {4: 1},
    }


def test_feedback_is_the_mean_of_the_users_last_ratings_of_the_same_tenant(tmp_path: Path, index: TraceIndex) -> None:
    def rated(
        name: str, trace_id: str, user: str | None, rating: float | None, day: int, **more: Any
    ) -> dict[str, Any]:
        known = {"feedback_id": name, "trace_id": trace_id, "user_id": user, "rating": rating}
        return known | {"time": f"2026-11-{day}T08:00:00Z"} | more

    one = stored(
        tmp_path,
        "feedback",
        rated("1", "t0", "uma", 0.0, 13),
        rated("2", "t0", "vic", 0.5, 12),
        rated("3", "t0", None, 1.0, 12),
        rated("4", "t2", "uma", 1.0, 12, tenant_id="dam"),
        rated("5", "t2", "uma", None, 12, comment="hm"),
    )
    other = stored(tmp_path, "feedback", rated("6", "t0", "uma", 1.0, 12), rated("7", "t3", "uma", 0.25, 12))
    expected = {"feedback": {0: 0.5, 4: 0.25}, "feedback.n": {0: 3, 4: 1}}  # (0 + 0.5 + 1) / 3
    assert said(trace_markers.feedback_markers(index, [one, other])) == expected
    assert said(trace_markers.feedback_markers(index, [other, one])) == expected


@pytest.mark.parametrize("name", ["groundedness", "triage", "metric", "rating", "feedback"])
def test_nothing_is_said_by_nobody(index: TraceIndex, name: str) -> None:
    assert said(getattr(trace_markers, f"{name}_markers")(index, [])) == {}


def test_the_index_numbers_traces_of_its_scope_and_tells_repeated_ones(tmp_path: Path, index: TraceIndex) -> None:
    assert (len(index), index.is_first.tolist()) == (5, [True, True, True, False, True])
    rows = [
        {"trace_id": "a", "time": utc(2026, 11, 8).isoformat()},
        {"trace_id": "b", "time": utc(2026, 11, 9).isoformat()},
        {"trace_id": "c", "time": utc(2026, 11, 9).isoformat(), "tenant_id": "dam"},
        {"trace_id": "d", "time": utc(2026, 11, 10).isoformat(), "user_id": "uma"},
        {"trace_id": "e", "time": utc(2026, 11, 11).isoformat()},
    ]
    scope = Scope(tenants=["mill"], start=utc(2026, 11, 9), end=utc(2026, 11, 11))
    narrow = TraceIndex([source(tmp_path, "traces", *rows)], scope)
    table, numbers = narrow.read(narrow.parts[0])
    assert (table.column("trace_id").to_pylist(), numbers.tolist()) == (["b", "d"], [1, 3])
    ids = pa.array(["d", "a", "b", "b"])
    assert narrow.places(ids).tolist() == [1, -1, 0, 0]
    assert narrow.places(ids, pa.array(["mill", "mill", "dam", "mill"])).tolist() == [1, -1, -1, 0]
    assert narrow.users(narrow.places(ids)).to_pylist() == ["uma", None, None, None]
