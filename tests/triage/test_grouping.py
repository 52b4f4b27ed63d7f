"""Groups of failures: by type, by nearness of questions, with the id they had before, whatever the order of rows."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of, table_of
from millrace.datasets.validation import bad_rows
from millrace.errors import BadInputError
from millrace.records.trace import utc
from millrace.records.triage import FailureGroup, TriageRow
from millrace.records.week import WeekFacts
from millrace.triage.grouping import Grouping, GroupingConfig, group_failures
from millrace.triage.labels import group_labels
from millrace.triage.trend import earlier_groups

Build = Callable[..., pa.Table]
Failure = tuple[str | None, str]  # failure type, question

WARRANTY: list[Failure] = [
    ("hallucination", f"how long is the warranty of {thing}")
    for thing in ("pumps", "valves", "gates", "wheels", "belts")
]
REFUND: list[Failure] = [
    ("hallucination", f"please refund my last order {thing}") for thing in ("today", "quickly", "again", "now")
]
OTHERS: list[Failure] = [("hallucination", question) for question in ("where are you", "opening times sunday")]


def group(
    failures: Sequence[Failure],
    traces: Build,
    embedder: Any,
    *,
    order: list[int] | None = None,
    n_ok: int = 0,
    **known: Any,
) -> Grouping:
    failures = [*failures, *[(None, "fine")] * n_ok]
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
    questions = traces(*({"question": failures[i][1], "trace_id": f"t{i}"} for i in sorted(order, reverse=True)))
    return group_failures(table_of(TriageRow, rows), questions, embedder, GroupingConfig(), **known)


def sets(grouping: Grouping) -> set[frozenset[str]]:
    members: dict[str, set[str]] = {}
    for row in grouping.rows.to_pylist():
        if row["group_id"]:
            members.setdefault(row["group_id"], set()).add(row["trace_id"])
    return {frozenset(each) for each in members.values()}


def groups_of(grouping: Grouping) -> list[FailureGroup]:
    return rows_of(FailureGroup, grouping.groups)


def traces_of(numbers: range) -> frozenset[str]:
    return frozenset(f"t{i}" for i in numbers)


def facts(*weeks: tuple[str, int]) -> pa.Table:
    """Weeks by name and number of triaged traces, in order of time."""
    return table_of(
        WeekFacts,
        [
            WeekFacts(
                week=week,
                start=utc(2026, 10, 1 + place),
                end=utc(2026, 10, 2 + place),
                time_zone="UTC",
                n_traces=n,
                n_triaged=n,
                failures=[],
                n_scored=0,
                groundedness_mean=None,
                groundedness_low=None,
            )
            for place, (week, n) in enumerate(weeks)
        ],
    )


def test_near_questions_of_one_type_are_one_group_and_the_rest_is_unclustered(
    traces: Build, word_embedder: Any
) -> None:
    found = group([*WARRANTY, *REFUND, *OTHERS, (None, WARRANTY[0][1])], traces, word_embedder)
    assert sets(found) == {traces_of(range(5)), traces_of(range(5, 9)), traces_of(range(9, 11))}
    assert found.rows.column("group_id").to_pylist()[11] is None
    assert [(row.size, row.clustered) for row in groups_of(found)] == [(5, True), (4, True), (2, False)]


def test_the_unclustered_come_after_every_cluster_however_many_they_are(traces: Build, word_embedder: Any) -> None:
    words = ("alpha", "beta", "gamma", "delta", "kappa", "sigma", "omega")
    found = group([*WARRANTY, *(("hallucination", word) for word in words)], traces, word_embedder)
    assert [(row.size, row.clustered) for row in groups_of(found)] == [(5, True), (7, False)]


def test_failures_of_two_types_are_never_in_one_group(traces: Build, word_embedder: Any) -> None:
    found = group([*WARRANTY, *(("system_error", question) for _, question in WARRANTY)], traces, word_embedder)
    assert sets(found) == {traces_of(range(5)), traces_of(range(5, 10))}
    assert len({row.group_id for row in groups_of(found)}) == 2


def test_equal_questions_are_together_whatever_their_spelling(traces: Build, word_embedder: Any) -> None:
    found = group([("hallucination", "How LONG?"), ("hallucination", " how long ")], traces, word_embedder)
    [only] = groups_of(found)
    assert (only.size, only.n_questions, only.clustered) == (2, 1, True)


def test_one_failure_is_unclustered(traces: Build, word_embedder: Any) -> None:
    [only] = groups_of(group([("hallucination", "alpha beta")], traces, word_embedder))
    assert only.model_dump() == {
        "group_id": "unclustered-hallucination",
        "failure_type": "hallucination",
        "size": 1,
        "label": "unclustered",
        "example_trace_ids": ["t0"],
        "tenants": ["a"],
        "n_questions": 1,
        "clustered": False,
        "centroid": [],
        "trend": None,
        "history": [],
    }


@pytest.mark.parametrize("n", [2, 3])
def test_two_or_three_failures_are_one_group_when_they_are_alike(n: int, traces: Build, word_embedder: Any) -> None:
    assert [row.clustered for row in groups_of(group(WARRANTY[:n], traces, word_embedder))] == [True]
    apart: list[Failure] = [("hallucination", word) for word in ("alpha", "beta", "gamma")][:n]
    assert [row.clustered for row in groups_of(group(apart, traces, word_embedder))] == [False]


def test_a_question_asked_verbatim_500_times_is_a_group_of_its_own(traces: Build, word_embedder: Any) -> None:
    found = group([*WARRANTY, *[("hallucination", "Where is my parcel?")] * 500], traces, word_embedder)
    first = groups_of(found)[0]
    assert (first.size, first.n_questions, first.clustered, first.label) == (500, 1, True, "parcel")
    assert first.example_trace_ids == ["t10", "t100", "t101"]


def test_questions_without_words_are_grouped_only_with_their_like(traces: Build, word_embedder: Any) -> None:
    # a blank text's vector is zero
    found = group([*WARRANTY, ("hallucination", "?!"), ("hallucination", "...")], traces, word_embedder)
    blank = groups_of(found)[1]
    assert (blank.size, blank.label, blank.centroid, blank.clustered) == (2, "no words", [], True)
    assert groups_of(group([*WARRANTY, ("hallucination", "?!")], traces, word_embedder))[1].clustered is False


def test_a_group_shows_its_most_central_questions_each_before_any_again(traces: Build, word_embedder: Any) -> None:
    # the mean of the words has most of alpha, beta, gamma: t2 and t3 have these alone
    questions = ["alpha beta gamma delta", "alpha beta gamma zeta", "alpha beta gamma", "alpha, beta: gamma"]
    found = group([("hallucination", question) for question in questions], traces, word_embedder)
    [only] = groups_of(found)
    assert only.example_trace_ids == ["t2", "t0", "t1"]
    assert (only.size, only.n_questions, only.tenants) == (4, 3, ["a", "b"])
    assert np.linalg.norm(only.centroid) == pytest.approx(1, abs=1e-5)


def test_a_label_prefers_what_sets_the_group_apart() -> None:
    # how often a word stands in the group and in all: card 3/6, fee 2/2, limit 1/1; words: 6 and 6, so a mean of 6.
    # card: 3 log(1 + 6/6) = 2.08; fee: 2 log(1 + 6/2) = 2.77; limit: log(1 + 6) = 1.95
    first = {"card fee": 2, "card limit": 1}
    second = {"card lost": 3}
    assert group_labels([first, second], 3) == ["fee card limit", "lost card"]
    assert group_labels([first, second], 1) == ["fee", "lost"]


def test_a_label_shows_words_as_they_are_written_most_often() -> None:
    assert group_labels([{"series batteries": 2, "series battery": 1}], 5) == ["batteries series"]


def test_a_group_without_content_words_is_called_by_its_question() -> None:
    assert group_labels([{"what is it": 1, "where are you": 2}, {"": 3}], 5) == ["where are you", "no words"]


def test_no_failures_give_no_groups(traces: Build, word_embedder: Any) -> None:
    found = group([(None, "one")], traces, word_embedder, week="w2", earlier=None, weeks=facts(("w1", 4)))
    assert (found.groups.num_rows, found.rows.num_rows) == (0, 1)


def test_a_failure_of_no_trace_is_refused(traces: Build, word_embedder: Any) -> None:
    rows = group([("hallucination", "one")], traces, word_embedder).rows
    with pytest.raises(BadInputError, match="'t0'"):
        group_failures(rows, traces({"trace_id": "t9"}), word_embedder, GroupingConfig())


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
@given(
    first=st.lists(st.tuples(types, questions), max_size=12), second=st.lists(st.tuples(types, questions), max_size=12)
)
def test_every_failure_is_in_exactly_one_group_and_every_group_has_an_id_of_its_own(
    traces: Build, word_embedder: Any, first: list[Failure], second: list[Failure]
) -> None:
    before = group(first, traces, word_embedder, week="w1")
    found = group(
        second,
        traces,
        word_embedder,
        week="w2",
        earlier=earlier_groups(before.groups, "w1"),
        weeks=facts(("w1", len(first))),
    )
    assert bad_rows(TriageRow, found.rows) == bad_rows(FailureGroup, found.groups) == []
    for row in found.rows.to_pylist():
        assert (row["group_id"] is not None) == (row["verdict"] == "failure")
    groups = groups_of(found)
    assert sum(row.size for row in groups) == sum(failure_type is not None for failure_type, _ in second)
    ids = [row.group_id for row in groups]
    assert len(set(ids)) == len(ids)
    assert {row.group_id for row in groups if row.size} == {
        row["group_id"] for row in found.rows.to_pylist() if row["group_id"]
    }
    assert all((row.trend == "resolved") == (row.size == 0) for row in groups)


def test_a_group_has_the_id_that_the_same_questions_had_last_week(traces: Build, word_embedder: Any) -> None:
    before = group([*WARRANTY[:3], *REFUND], traces, word_embedder, n_ok=20, week="w1")
    known = {"earlier": earlier_groups(before.groups, "w1"), "weeks": facts(("w1", 27))}
    found = group([*WARRANTY, *OTHERS], traces, word_embedder, n_ok=20, week="w2", **known)
    refund, warranty = groups_of(before)
    now = groups_of(found)
    # 3 of 27, then 5 of 27; 4, then none
    assert [(row.group_id, row.size, row.trend) for row in now] == [
        (warranty.group_id, 5, "steady"),
        ("unclustered-hallucination", 2, "new"),
        (refund.group_id, 0, "resolved"),
    ]
    assert [(row.label, row.tenants, row.example_trace_ids) for row in now[2:]] == [(refund.label, ["a", "b"], [])]
    assert [[(week.week, week.size, week.n_triaged) for week in row.history] for row in now] == [
        [("w1", 3, 27), ("w2", 5, 27)],
        [("w1", 0, 27), ("w2", 2, 27)],
        [("w1", 4, 27), ("w2", 0, 27)],
    ]


def test_a_resolved_group_that_comes_back_has_its_id_and_is_new(traces: Build, word_embedder: Any) -> None:
    earlier: list[pa.Table] = []
    seen: list[tuple[str, str | None]] = []
    weeks = [("w1", REFUND), ("w2", WARRANTY), ("w3", WARRANTY), ("w4", REFUND)]
    for place, (week, failures) in enumerate(weeks):
        known = {
            "earlier": pa.concat_tables(earlier) if earlier else None,
            "weeks": facts(*((name, len(each)) for name, each in weeks[:place])),
        }
        found = group(failures, traces, word_embedder, week=week, **known)
        earlier.append(earlier_groups(found.groups, week))
        seen.append((groups_of(found)[0].group_id, groups_of(found)[0].trend))
    assert seen[3] == (seen[0][0], "new")
    assert [trend for _, trend in seen] == [None, "new", "steady", "new"]
    assert [week.size for week in groups_of(found)[0].history] == [4, 0, 0, 4]
    # resolved in w2, so not said again in w3
    assert [row["size"] for row in earlier[2].to_pylist()] == [5]


def test_a_new_group_never_takes_the_id_of_another(traces: Build, word_embedder: Any) -> None:
    before = group(REFUND, traces, word_embedder, week="w1")
    # the same id, as if the question had been another group's most central one
    [left] = groups_of(before)
    stranger = left.model_copy(update={"centroid": np.eye(512)[0].tolist()})
    known = {"earlier": earlier_groups(table_of(FailureGroup, [stranger]), "w1"), "weeks": facts(("w1", 4))}
    now = groups_of(group(REFUND, traces, word_embedder, week="w2", **known))
    assert [row.trend for row in now] == ["new", "resolved"]
    assert now[0].group_id != now[1].group_id == left.group_id


def test_a_group_without_direction_is_known_by_its_question(traces: Build, word_embedder: Any) -> None:
    blank: list[Failure] = [("hallucination", "?"), ("hallucination", "!")]
    before = group(blank, traces, word_embedder, week="w1")
    known = {"earlier": earlier_groups(before.groups, "w1"), "weeks": facts(("w1", 2))}
    [only] = groups_of(group(blank, traces, word_embedder, week="w2", **known))
    assert (only.group_id, only.trend) == (groups_of(before)[0].group_id, "steady")


def test_a_week_without_traces_resolves_nothing_and_is_passed_over(traces: Build, word_embedder: Any) -> None:
    before = group(REFUND, traces, word_embedder, week="w1")
    known = {"earlier": earlier_groups(before.groups, "w1"), "weeks": facts(("w1", 4), ("w2", 0))}
    nothing = group([], traces, word_embedder, week="w2", **known)
    assert nothing.groups.num_rows == 0
    [only] = groups_of(group(REFUND, traces, word_embedder, week="w3", **known))
    assert only.trend == "steady"
    assert [(week.week, week.size) for week in only.history] == [("w1", 4), ("w2", 0), ("w3", 4)]


@pytest.mark.parametrize("field", ["core_cosine", "join_cosine", "merge_cosine", "match_cosine", "alpha"])
@pytest.mark.parametrize("value", [0.0, 1.1])
def test_a_threshold_outside_its_bounds_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        GroupingConfig(**{field: value})
