"""Which groups of failures come first, and how their trend is told."""

from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import table_of
from millrace.records.triage import FailureGroup
from millrace.reports.groups import expected_failures, rank_groups

NO_TRIAGE = pa.table(
    {
        "verdict": pa.array([], pa.string()),
        "group_id": pa.array([], pa.string()),
        "failure_probability": pa.array([], pa.float64()),
    }
)


def triage(*rows: tuple[str, float | None]) -> pa.Table:
    """Failures as (group, probability)."""
    return pa.table(
        {
            "verdict": ["failure"] * len(rows),
            "group_id": [group for group, _ in rows],
            "failure_probability": pa.array([chance for _, chance in rows], pa.float64()),
        }
    )


def ranked(*groups: FailureGroup, decisions: pa.Table = NO_TRIAGE, n_shown: int = 10) -> list[str]:
    return [row["group_id"] for row in rank_groups(table_of(FailureGroup, groups), decisions, n_shown).first]


def test_probable_failures_come_before_many_doubtful_ones(make: SimpleNamespace) -> None:
    # a: 3 * 0.2 = 0.6 expected failures; b: 0.9 + 1, as one without a probability counts fully
    decisions = triage(("a", 0.2), ("a", 0.2), ("a", 0.2), ("b", 0.9), ("b", None))
    assert expected_failures(decisions) == {"a": pytest.approx(0.6), "b": pytest.approx(1.9)}
    assert ranked(make.group("a", 3, []), make.group("b", 2, []), decisions=decisions) == ["b", "a"]


def test_a_growing_cluster_counts_with_its_increase_and_a_new_one_without(make: SimpleNamespace) -> None:
    steady = make.group("steady", 10, [], trend="steady", history=make.sizes(9, 10))
    growing = make.group("growing", 8, [], trend="growing", history=make.sizes(4, 8))  # 8 + 4
    new = make.group("new", 9, [], trend="new", history=make.sizes(9))
    assert ranked(new, steady, growing) == ["growing", "steady", "new"]


def test_the_unclustered_come_after_all_clusters_and_the_resolved_apart(make: SimpleNamespace) -> None:
    rest = make.group("rest", 50, [], clustered=False, label="")
    gone = make.group("gone", 0, [], trend="resolved", history=make.sizes(4, 0))
    found = rank_groups(table_of(FailureGroup, [rest, gone, make.group("a", 2, [])]), NO_TRIAGE, 10)
    assert [row["group_id"] for row in found.first] == ["a", "rest"]
    assert [row["group_id"] for row in found.resolved] == ["gone"]
    assert (found.n_groups, found.n_clustered, found.n_unclustered) == (1, 2, 50)
    assert found.trends == {"resolved": 1}


@given(st.permutations([("a", 0.1), ("a", 0.2), ("a", 0.3), ("b", 0.7), ("b", 0.1), ("b", 0.2)]))
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, float]]) -> None:
    assert expected_failures(triage(*rows)) == {"a": 0.6, "b": 1.0}


def week_of(make: SimpleNamespace, *sizes: int) -> Any:
    """A week with a cluster of each size."""
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    groups = [make.group(f"g{place}", size, [f"t{starts[place]}"]) for place, size in enumerate(sizes)]
    n = sum(sizes)
    return make.report(
        traces=[make.trace(number) for number in range(n)],
        triage=[make.decided(number, "hallucination") for number in range(n)],
        groups=groups,
    )


def test_three_clusters_are_to_be_fixed_first_and_five_where_three_hold_too_little(make: SimpleNamespace) -> None:
    assert week_of(make, 9, 8, 7, 1, 1).fix_first.group_ids == ["g0", "g1", "g2"]
    # 2 + 2 + 2 of 14 are less than half, so is one more; five hold 10
    assert week_of(make, *[2] * 7).fix_first.group_ids == ["g0", "g1", "g2", "g3"]
    assert week_of(make, *[1] * 20).fix_first.group_ids == [f"g{number}" for number in (0, 1, 10, 11, 12)]
    assert week_of(make, 1).fix_first.share.mean == 1.0
    assert week_of(make).fix_first.group_ids == []


def test_without_clusters_the_unclustered_are_shown_as_examples(make: SimpleNamespace) -> None:
    report = make.report(
        traces=[make.trace(0)],
        triage=[make.decided(0, "hallucination")],
        groups=[make.group("rest", 1, ["t0"], clustered=False, label="")],
    )
    assert report.fix_first.group_ids == ["rest"]
    assert report.groups.n_groups == 0
