"""Groups of failures in the order in which to fix them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.records.report import Count, ExampleTrace, FixFirst, Groups, GroupSummary
from millrace.reports.measures import failed_rows
from millrace.reports.wording import excerpt
from millrace.statistics.reported import share_of

ORDER = (
    "The order is by how many failures next week would bring: those that people would probably agree with (each trace "
    "counts by its calibrated probability, or fully where there is none), plus the increase of a growing cluster."
)

_MAX_LABEL = 120  # characters
_MAX_RESOLVED = 10
_MAX_CLUSTERS = 100
_LIGHT = [
    "group_id",
    "failure_type",
    "size",
    "label",
    "example_trace_ids",
    "tenants",
    "n_questions",
    "clustered",
    "trend",
    "history",
]
_FIRST, _MOST_FIRST, _ENOUGH = 3, 5, 0.5


@dataclass(frozen=True)
class RankedGroups:
    """Groups as plain rows: those with failures in the order in which to fix them, and those that are gone.

    ``clusters`` are all ``n_clusters`` that are or were there, or as many as a list of them shows, those gone last.
    """

    first: list[dict[str, Any]]
    resolved: list[dict[str, Any]]
    n_groups: int
    n_clustered: int
    n_unclustered: int
    trends: Counter[str]
    clusters: list[dict[str, Any]]
    n_clusters: int

    def trace_ids(self) -> set[str]:
        """The examples of the groups shown."""
        return {trace_id for row in self.first for trace_id in row["example_trace_ids"]}


def rank_groups(groups: pa.Table, triage: pa.Table, n_shown: int) -> RankedGroups:
    """The groups by what to fix first; the rest of a type that is near to nothing comes after all clusters.

    Args:
        groups: columns of FailureGroup, the centroid not needed; what older datasets lack counts as clustered.
        triage: columns verdict, group_id and, for the order, failure_probability.
        n_shown: clusters at most; the unclustered rests come on top, one a type.
    """
    light = groups.select([name for name in _LIGHT if name in groups.column_names])
    defaults: dict[str, Any] = {"n_questions": 0, "clustered": True, "trend": None, "history": []}
    expected = expected_failures(triage)
    rows = [defaults | row for row in light.to_pylist()]
    for row in rows:
        row["increase"] = _increase(row)
        row["expected"] = expected.get(row["group_id"], float(row["size"]))
    present = sorted((row for row in rows if row["size"]), key=_order)
    clusters = [row for row in present if row["clustered"]]
    rests = [row for row in present if not row["clustered"]]
    gone = sorted((row for row in rows if not row["size"]), key=lambda row: (-_size_before(row), row["group_id"]))
    ever = [*clusters, *(row for row in gone if row["clustered"])]
    return RankedGroups(
        first=[*clusters[:n_shown], *rests],
        resolved=gone[:_MAX_RESOLVED],
        n_groups=len(clusters),
        n_clustered=sum(row["size"] for row in clusters),
        n_unclustered=sum(row["size"] for row in rests),
        trends=Counter(row["trend"] for row in rows if row["trend"] is not None and row["clustered"]),
        clusters=ever[:_MAX_CLUSTERS],
        n_clusters=len(ever),
    )


def expected_failures(triage: pa.Table) -> dict[str, float]:
    """For each group the sum of its failures' probabilities, rounded to 6 digits; one without counts fully."""
    failed = failed_rows(triage)
    if "failure_probability" not in failed.column_names or "group_id" not in failed.column_names:
        return {}
    failed = failed.filter(pc.is_valid(failed.column("group_id")))
    groups = failed.column("group_id").combine_chunks().dictionary_encode()
    chances = pc.fill_null(failed.column("failure_probability"), 1.0).to_numpy()
    order = np.argsort(chances, kind="stable")  # a sum depends on the order of its terms
    codes = groups.indices.to_numpy()
    sums = np.bincount(codes[order], weights=chances[order], minlength=len(groups.dictionary))
    return dict(zip(groups.dictionary.to_pylist(), (round(float(value), 6) for value in sums), strict=True))


def summarise_groups(ranked: RankedGroups, texts: Mapping[str, ExampleTrace]) -> Groups:
    """The ranked groups with excerpts of their examples."""
    n_failures = ranked.n_clustered + ranked.n_unclustered
    return Groups(
        n_groups=ranked.n_groups,
        n_clustered=ranked.n_clustered,
        n_unclustered=ranked.n_unclustered,
        trends=[
            Count(name=name, n=n) for name, n in sorted(ranked.trends.items(), key=lambda pair: (-pair[1], pair[0]))
        ],
        first=[_summary(row, texts, n_failures) for row in ranked.first],
        resolved=[_summary(row | {"example_trace_ids": []}, texts, n_failures) for row in ranked.resolved],
    )


def fix_first(groups: Groups) -> FixFirst:
    """The first three clusters, and up to five while these hold less than half of all failures.

    Without clusters the unclustered rests take their place.
    """
    n_failures = groups.n_clustered + groups.n_unclustered
    candidates = [group for group in groups.first if group.clustered] or groups.first
    chosen = candidates[:_FIRST]
    for group in candidates[_FIRST:_MOST_FIRST]:
        if _n(chosen) >= _ENOUGH * n_failures:
            break
        chosen = [*chosen, group]
    return FixFirst(
        group_ids=[group.group_id for group in chosen],
        n_failures=_n(chosen),
        share=share_of(_n(chosen), n_failures),
    )


def _n(groups: Sequence[GroupSummary]) -> int:
    return sum(group.size for group in groups)


def _order(row: dict[str, Any]) -> tuple[float, int, str]:
    return (-(row["expected"] + row["increase"]), -row["size"], row["group_id"])


def _increase(row: dict[str, Any]) -> int:
    """Traces more than in the week before, where the cluster grows; of a new one nobody knows yet."""
    return max(0, row["size"] - _size_before(row)) if row["trend"] == "growing" else 0


def _size_before(row: dict[str, Any]) -> int:
    history = row["history"]
    return int(history[-2]["size"]) if len(history) > 1 else 0


def _summary(row: dict[str, Any], texts: Mapping[str, ExampleTrace], n_failures: int) -> GroupSummary:
    return GroupSummary(
        **{name: row[name] for name in ("group_id", "failure_type", "size", "n_questions", "clustered", "trend")},
        history=row["history"][-12:],
        share=share_of(row["size"], n_failures),
        label=excerpt(row["label"], _MAX_LABEL),
        expected=row["expected"],
        increase=row["increase"],
        tenants=row["tenants"],
        examples=[texts[trace_id] for trace_id in row["example_trace_ids"]],
    )
