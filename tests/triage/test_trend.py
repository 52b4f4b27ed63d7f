"""Groups over weeks: matching, trend and history by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.methods.clustering import unit_rows
from millrace.records.trace import utc
from millrace.records.triage import GroupWeek
from millrace.records.week import EarlierGroup, WeekFacts
from millrace.triage.trend import MAX_HISTORY, Past, history_of, matched_ids, read_past, resolved_groups, trend_of


def earlier(*rows: dict[str, Any]) -> pa.Table:
    known = {"failure_type": "hallucination", "label": "x", "size": 1, "centroid": [], "tenants": ["a"], "history": []}
    return table_of(EarlierGroup, [EarlierGroup(**known | row) for row in rows])


def facts(*weeks: tuple[str, int, int]) -> pa.Table:
    """Weeks by name, day of October on which they start, and number of triaged traces."""
    undefined = {"groundedness_mean": None, "groundedness_low": None, "failures": [], "n_scored": 0}
    return table_of(
        WeekFacts,
        [
            WeekFacts(
                week=week,
                start=utc(2026, 10, day),
                end=utc(2026, 10, day + 1),
                time_zone="UTC",
                n_traces=n,
                n_triaged=n,
                **undefined,
            )
            for week, day, n in weeks
        ],
    )


def past_of(centroids: dict[str, Sequence[float]], failure_type: str = "hallucination") -> Past:
    rows = [
        {"week": "w1", "group_id": each, "centroid": vector, "failure_type": failure_type}
        for each, vector in centroids.items()
    ]
    return read_past(earlier(*rows), facts(("w1", 1, 10)), "w2")


def match(now: list[list[float]], past: Past, min_cosine: float = 0.7) -> list[str | None]:
    return matched_ids("hallucination", np.array(now), past, min_cosine)


def test_a_cluster_is_the_earlier_group_that_it_is_nearest_to() -> None:
    past = past_of({"a": [1.0, 0.0], "b": [0.0, 1.0]})
    assert match([[0.6, 0.8], [0.8, 0.6]], past) == ["b", "a"]


def test_two_clusters_never_continue_one_group() -> None:
    # both are nearest to a; the nearer one is it, and the other goes to b only if near enough
    past = past_of({"a": [1.0, 0.0], "b": [0.0, 1.0]})
    assert match([[0.8, 0.6], [1.0, 0.0]], past, 0.7) == [None, "a"]
    assert match([[0.8, 0.6], [1.0, 0.0]], past, 0.5) == ["b", "a"]


def test_the_sum_of_cosines_decides_not_the_first_come() -> None:
    # a to the first would leave nothing for the second: .96 against .8 + .8
    past = past_of({"a": [1.0, 0.0], "b": [0.8, 0.6]})
    now = [[0.96, 0.28], [0.8, -0.6]]
    assert match(now, past, 0.75) == ["b", "a"]


def test_groups_of_other_types_or_vector_lengths_do_not_match() -> None:
    assert match([[1.0, 0.0]], past_of({"a": [1.0, 0.0]}, "system_error")) == [None]
    assert match([[1.0, 0.0]], past_of({"a": [1.0, 0.0, 0.0]})) == [None]
    assert match([[1.0, 0.0]], past_of({"a": []})) == [None]


def test_the_latest_week_of_a_group_is_the_one_that_counts() -> None:
    rows = [
        {"week": "w2", "group_id": "a", "centroid": [0.0, 1.0], "size": 2},
        {"week": "w1", "group_id": "a", "centroid": [1.0, 0.0], "size": 3},
    ]
    # w2 began first: what a week is called says nothing of its time
    past = read_past(earlier(*rows), facts(("w1", 8, 10), ("w2", 1, 20)), "w3")
    assert list(past.weeks.items()) == [("w2", 20), ("w1", 10)]
    assert (past.last_week, past.size_before("a")) == ("w1", 3)
    assert match([[1.0, 0.0]], past) == ["a"]
    assert match([[0.0, 1.0]], past) == [None]


def test_what_an_earlier_run_left_of_this_very_week_is_left_out() -> None:
    rows = [{"week": week, "group_id": "a", "centroid": [1.0]} for week in ("w1", "w2")]
    past = read_past(earlier(*rows), facts(("w1", 1, 10), ("w2", 8, 20)), "w2")
    assert (list(past.weeks), past.sizes) == (["w1"], {("a", "w1"): 1})


@pytest.mark.parametrize(
    ("rows", "weeks", "says"),
    [
        ([{"week": "w1", "group_id": "a"}], facts(), "without facts"),
        ([{"week": "w1", "group_id": "a"}] * 2, facts(("w1", 1, 9)), "twice"),
        ([], facts(("w1", 1, 9), ("w1", 1, 8)), "twice"),
    ],
)
def test_weeks_that_do_not_fit_together_are_refused(rows: list[dict[str, Any]], weeks: pa.Table, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        read_past(earlier(*rows), weeks, "w9")


def test_a_share_grows_when_chance_would_hardly_do_it() -> None:
    # Fisher (1935), the lady tasting tea, 4 of 4 against 0 of 4: two-sided p = 2 / 70 = .029; 3 against 1: p = .486
    assert trend_of(4, 4, 0, 4, 0.05) == "new"
    assert trend_of(8, 10, 2, 10, 0.05) == "growing"  # p = .023
    assert trend_of(7, 10, 3, 10, 0.05) == "steady"  # p = .179
    assert trend_of(2, 10, 8, 10, 0.05) == "shrinking"
    assert trend_of(0, 10, 1, 10, 0.05) == "resolved"


def test_more_failures_among_more_traces_are_no_growth() -> None:
    assert trend_of(40, 400, 10, 100, 0.05) == "steady"
    assert trend_of(40, 4000, 10, 100, 0.05) == "shrinking"


@given(
    size=st.integers(1, 12), others=st.integers(0, 12), size_before=st.integers(1, 12), others_before=st.integers(0, 12)
)
def test_growing_is_fishers_exact_test(size: int, others: int, size_before: int, others_before: int) -> None:
    n, n_before = size + others, size_before + others_before
    chances = hypergeom(n + n_before, size + size_before, n).pmf(np.arange(0, size + size_before + 1))
    p = chances[chances <= chances[size] * (1 + 1e-7)].sum()
    trend = trend_of(size, n, size_before, n_before, 0.05)
    assert (trend == "steady") == (p >= 0.05)
    mirrored = {"growing": "shrinking", "shrinking": "growing", "steady": "steady"}
    assert trend_of(size_before, n_before, size, n, 0.05) == mirrored[trend]


@pytest.mark.parametrize(("size", "n", "before", "n_before"), [(0, 5, 0, 5), (6, 5, 1, 5), (1, 5, 6, 5)])
def test_sizes_that_cannot_be_are_refused(size: int, n: int, before: int, n_before: int) -> None:
    with pytest.raises(BadInputError, match="cannot follow"):
        trend_of(size, n, before, n_before, 0.05)


def test_a_history_joins_what_the_group_remembers_with_the_weeks_known() -> None:
    remembered = [{"week": "w0", "size": 9, "n_triaged": 90}, {"week": "w1", "size": 1, "n_triaged": 10}]
    rows = [{"week": "w1", "group_id": "a", "history": remembered}, {"week": "w3", "group_id": "b"}]
    past = read_past(earlier(*rows), facts(("w1", 1, 10), ("w2", 8, 20), ("w3", 15, 30)), "w4")
    this = GroupWeek(week="w4", size=2, n_triaged=40)
    history = [(each.week, each.size, each.n_triaged) for each in history_of("a", past, this)]
    assert history == [("w0", 9, 90), ("w1", 1, 10), ("w2", 0, 20), ("w3", 0, 30), ("w4", 2, 40)]


def test_a_history_goes_back_a_year() -> None:
    remembered = [GroupWeek(week=f"o{i}", size=1, n_triaged=2) for i in range(90)]
    past = read_past(earlier({"week": "w1", "group_id": "a", "history": remembered}), facts(("w1", 1, 10)), "w2")
    history = history_of("a", past, GroupWeek(week="w2", size=2, n_triaged=40))
    assert len(history) == MAX_HISTORY
    assert [each.week for each in history[-3:]] == ["o89", "w1", "w2"]


def test_only_groups_of_the_last_week_are_resolved() -> None:
    rows = [
        {"week": "w1", "group_id": "old", "centroid": [1.0]},
        {"week": "w2", "group_id": "gone", "centroid": [1.0], "label": "lost card"},
        {"week": "w2", "group_id": "there", "centroid": [1.0]},
        {"week": "w2", "group_id": "resolved", "centroid": [1.0], "size": 0},
        {"week": "w2", "group_id": "unclustered-hallucination"},
    ]
    past = read_past(earlier(*rows), facts(("w1", 1, 10), ("w2", 8, 20)), "w3")
    found = resolved_groups({"there"}, past, GroupWeek(week="w3", size=0, n_triaged=5))
    assert [(row.group_id, row.label, row.clustered, row.centroid) for row in found] == [
        ("gone", "lost card", True, [1.0]),
        ("unclustered-hallucination", "x", False, []),
    ]
    assert resolved_groups({"there"}, past, GroupWeek(week="w3", size=0, n_triaged=0)) == []


@given(order=st.permutations(range(5)), seed=st.integers(0, 50))
def test_the_order_of_earlier_groups_changes_no_match(order: list[int], seed: int) -> None:
    vectors = unit_rows(np.random.default_rng(seed).normal(size=(9, 3)))
    now = vectors[5:].tolist()
    straight = past_of({f"g{i}": vectors[i].tolist() for i in range(5)})
    shuffled = past_of({f"g{i}": vectors[i].tolist() for i in order})
    assert match(now, straight, 0.1) == match(now, shuffled, 0.1)
