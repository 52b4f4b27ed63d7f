"""Groups of failures: by type, by nearness to a seed, whatever the order of rows."""

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of, table_of
from millrace.datasets.validation import bad_rows
from millrace.records.trace import utc
from millrace.records.triage import FailureGroup, TriageRow
from millrace.triage.grouping import Grouping, GroupingConfig, group_failures

Build = Callable[..., pa.Table]
Failure = tuple[str | None, str]  # failure type, question


def group(failures: list[Failure], traces: Build, embedder: Any, *, order: list[int] | None = None) -> Grouping:
    order = list(range(len(failures))) if order is None else order
    rows = [
        TriageRow(
            trace_id=f"t{i}",
            time=utc(2026, 11, 9),
            tenant_id="ab"[i % 2],
            verdict="failure" if failures[i][0] else "ok",
            failure_type=failures[i][0],
            reason="because",
        )
        for i in order
    ]
    questions = traces(*({"question": question} for _, question in failures))
    return group_failures(table_of(TriageRow, rows), questions, embedder, GroupingConfig())


def sets(grouping: Grouping) -> set[frozenset[str]]:
    members: dict[str, set[str]] = {}
    for row in grouping.rows.to_pylist():
        if row["group_id"]:
            members.setdefault(row["group_id"], set()).add(row["trace_id"])
    return {frozenset(each) for each in members.values()}


def test_near_questions_of_one_type_are_one_group(traces: Build, word_embedder: Any) -> None:
    # three of four words shared: cosine 3/4, above 0.7; two of four: 0.5, below
    failures: list[Failure] = [
        ("hallucination", "alpha beta gamma delta"),
        ("hallucination", "alpha beta gamma omega"),
        ("hallucination", "alpha beta kappa sigma"),
        ("system_error", "alpha beta gamma delta"),
        (None, "alpha beta gamma delta"),
    ]
    found = group(failures, traces, word_embedder)
    assert sets(found) == {frozenset({"t0", "t1"}), frozenset({"t2"}), frozenset({"t3"})}
    assert found.rows.column("group_id").to_pylist()[4] is None


def test_equal_questions_are_together_whatever_their_spelling(traces: Build, word_embedder: Any) -> None:
    found = group([("hallucination", "How LONG?"), ("hallucination", " how long ")], traces, word_embedder)
    assert len(sets(found)) == 1


def test_a_group_says_its_size_words_examples_and_tenants(traces: Build, word_embedder: Any) -> None:
    failures: list[Failure] = [
        ("hallucination", "beta gamma delta"),
        ("hallucination", "beta gamma delta"),
        ("hallucination", "beta gamma delta alpha"),
        ("hallucination", "beta gamma delta zeta"),
        ("system_error", "beta"),
    ]
    groups = rows_of(FailureGroup, group(failures, traces, word_embedder).groups)
    first = groups[0]
    assert (first.size, first.failure_type, first.tenants) == (4, "hallucination", ["a", "b"])
    # all four questions have beta, delta and gamma; beta stands elsewhere too
    assert first.label == "delta gamma beta alpha zeta"
    # a different question comes before the repetition of the first
    assert first.example_trace_ids == ["t0", "t2", "t3"]
    assert groups[1].tenants == ["a"]


def test_a_label_shows_words_as_they_are_written_most_often(traces: Build, word_embedder: Any) -> None:
    failures: list[Failure] = [("hallucination", question) for question in ("series batteries", "series battery")]
    failures += failures[:1]
    groups = group(failures, traces, word_embedder).groups
    assert groups.column("label").to_pylist()[0] == "batteries series"


def test_groups_come_largest_first(traces: Build, word_embedder: Any) -> None:
    failures: list[Failure] = [("hallucination", "one"), ("system_error", "two"), ("system_error", "two")]
    assert group(failures, traces, word_embedder).groups.column("size").to_pylist() == [2, 1]


def test_no_failures_give_no_groups(traces: Build, word_embedder: Any) -> None:
    found = group([(None, "one")], traces, word_embedder)
    assert (found.groups.num_rows, found.rows.num_rows) == (0, 1)


questions = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), max_size=4).map(" ".join)
types = st.sampled_from([None, "hallucination", "system_error"])


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(failures=st.lists(st.tuples(types, questions), min_size=1, max_size=12), seed=st.integers())
def test_the_order_of_rows_changes_nothing(
    traces: Build, word_embedder: Any, failures: list[Failure], seed: int
) -> None:
    order = list(range(len(failures)))
    random.Random(seed).shuffle(order)
    straight, shuffled = group(failures, traces, word_embedder), group(failures, traces, word_embedder, order=order)
    assert straight.groups.equals(shuffled.groups)
    assert straight.rows.equals(shuffled.rows.sort_by("trace_id").take(_by_number(shuffled.rows)))


def _by_number(rows: pa.Table) -> list[int]:
    """Positions in the table sorted by trace id that bring t2 before t10."""
    names = sorted(rows.column("trace_id").to_pylist())
    return [names.index(name) for name in sorted(names, key=lambda name: int(name[1:]))]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(failures=st.lists(st.tuples(types, questions), max_size=12))
def test_every_failure_is_in_exactly_one_group_and_nothing_else_is(
    traces: Build, word_embedder: Any, failures: list[Failure]
) -> None:
    found = group(failures, traces, word_embedder)
    assert bad_rows(TriageRow, found.rows) == bad_rows(FailureGroup, found.groups) == []
    for row in found.rows.to_pylist():
        assert (row["group_id"] is not None) == (row["verdict"] == "failure")
    n_failures = sum(failure_type is not None for failure_type, _ in failures)
    assert sum(found.groups.column("size").to_pylist()) == n_failures
    assert sorted(found.groups.column("group_id").to_pylist()) == sorted(
        {row["group_id"] for row in found.rows.to_pylist() if row["group_id"]}
    )


def test_a_group_keeps_its_name_when_more_of_the_same_arrive(traces: Build, word_embedder: Any) -> None:
    failures: list[Failure] = [("hallucination", "alpha beta")]
    once = group(failures, traces, word_embedder).groups.column("group_id").to_pylist()
    assert group(failures * 3, traces, word_embedder).groups.column("group_id").to_pylist() == once


@pytest.mark.parametrize("value", [0.0, 1.1])
def test_a_threshold_outside_its_bounds_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="min_cosine"):
        GroupingConfig(min_cosine=value)
