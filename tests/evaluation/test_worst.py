"""The traces to look at first."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.evaluation.worst import worst_records, worst_traces
from millrace.records.daily_report import WorstSpan
from tests.support.scored_traces import context, metric_scores, traces


def score(trace_id: str, metric: str, value: float | None) -> dict[str, Any]:
    known = {"trace_id": trace_id, "metric": metric}
    return known | ({"status": "undefined", "reason": "no_context"} if value is None else {"value": value})


SCORES = metric_scores(
    score("good", "groundedness", 1.0),
    score("bad", "groundedness", 0.1),
    score("bad", "context_recall", None),
    score("mixed", "groundedness", 0.0),
    score("none", "groundedness", None),
    score("bad", "format_validity", 0.3),
    score("mixed", "format_validity", 1.0),
)


def test_badness_is_the_mean_shortfall_of_the_values_there_are() -> None:
    found = worst_traces(SCORES, 9)
    assert [each.trace_id for each in found] == ["bad", "mixed", "good"]
    assert [each.badness for each in found] == [pytest.approx(0.8), 0.5, 0.0]
    assert [(each.metric, each.status, each.value, each.reason) for each in found[0].scores] == [
        ("groundedness", "scored", 0.1, None),
        ("context_recall", "undefined", None, "no_context"),
        ("format_validity", "scored", 0.3, None),
    ]


def test_ties_go_to_more_values_then_to_the_smaller_id() -> None:
    rows = [score("c", "groundedness", 0.5), score("a", "groundedness", 0.5), score("b", "groundedness", 0.25)]
    rows += [score("d", "groundedness", 0.5), score("d", "format_validity", 0.5)]
    assert [each.trace_id for each in worst_traces(metric_scores(*rows), 3)] == ["b", "d", "a"]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0.0, 0.25, 0.5, 1.0])), max_size=20),
    st.integers(0, 9),
)
def test_the_first_n_are_those_of_all_sorted(rows: list[tuple[str, float]], n: int) -> None:
    table = metric_scores(*(score(name, "groundedness", value) for name, value in rows))
    everything = [(each.trace_id, each.badness) for each in worst_traces(table, 99)]
    assert [(each.trace_id, each.badness) for each in worst_traces(table, n)] == everything[:n]
    assert [badness for _, badness in everything] == sorted((badness for _, badness in everything), reverse=True)
    assert {name for name, _ in everything} == {name for name, _ in rows}


def test_nothing_to_look_at() -> None:
    assert worst_traces(metric_scores(), 5) == []
    assert worst_traces(pa.concat_tables([metric_scores(score("a", "groundedness", None))] * 2), 5) == []
    assert worst_records([], traces({})) == []


def test_records_are_excerpts_in_the_order_of_badness() -> None:
    rows = traces(
        {"trace_id": "good"},
        {
            "trace_id": "bad",
            "status": "failed",
            "question": "<b>" * 1000,
            "answer": "x" * 9999,
            "error": "e" * 999,
            "contexts": [context("y" * 999, f"c{i}") for i in range(9)],
            "spans": [
                {"name": "retrieval", "attributes": [{"name": "k", "value": "5"}, {"name": "q", "value": "z" * 999}]},
                {"name": "generation", "attributes": []},
                {"name": "retrieval", "attributes": []},
                {"name": "check", "attributes": []},
            ],
            "timings": [
                {"name": "generation", "duration_ms": 3.0},
                {"name": "retrieval", "duration_ms": 1.0},
                {"name": "retrieval", "duration_ms": 2.0},
            ],
        },
        {"trace_id": "mixed", "answer": "short"},
    )
    bad, mixed, _ = worst_records(worst_traces(SCORES, 3), rows)
    assert (bad.trace_id, bad.tenant_id, bad.status, bad.badness) == ("bad", "a", "failed", pytest.approx(0.8))
    assert bad.question.startswith("<b><b>")
    assert [len(text or "") for text in (bad.question, bad.answer, bad.error, *bad.contexts)] == [500, 1500, 300] + [
        500
    ] * 3
    assert [(span.name, span.duration_ms) for span in bad.spans] == [
        ("retrieval", 1.0),
        ("generation", 3.0),
        ("retrieval", 2.0),
        ("check", None),
    ]
    assert bad.spans[0].facts.startswith("k 5, q zzz")
    assert (len(bad.spans[0].facts), bad.spans[1].facts) == (300, "")
    assert (mixed.trace_id, mixed.answer, mixed.error, mixed.spans) == ("mixed", "short", None, [])
    bare = worst_records(worst_traces(SCORES, 1), rows.drop_columns(["timings"]))
    assert bare[0].spans[1] == WorstSpan(name="generation", duration_ms=None, facts="")


def test_a_trace_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInputError, match="bad"):
        worst_records(worst_traces(SCORES, 1), traces({"trace_id": "good"}))
