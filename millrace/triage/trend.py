"""Groups of failures from week to week: which one is which, and whether it grew beyond chance."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import linear_sum_assignment
from scipy.stats import fisher_exact

from millrace.datasets.schema import arrow_schema
from millrace.errors import BadInputError
from millrace.records.triage import FailureGroup, GroupTrend, GroupWeek
from millrace.records.week import EarlierGroup

Floats = npt.NDArray[np.float64]

MAX_HISTORY = 53  # weeks: a year


@dataclass(frozen=True)
class Past:
    """What earlier weeks left behind.

    ``weeks``: traces triaged in each earlier week, oldest first; ``latest``: each group as it was left last, by id,
    without its centroid; ``sizes``: failures by group and week; ``centroids``: those of ``latest`` that have one.
    """

    weeks: Mapping[str, int]
    latest: Mapping[str, Mapping[str, Any]]
    sizes: Mapping[tuple[str, str], int]
    centroids: Mapping[str, Floats]

    @property
    def last_week(self) -> str | None:
        """The last earlier week in which anything was triaged; an empty week says nothing of what failed."""
        return next((week for week in reversed(list(self.weeks)) if self.weeks[week]), None)

    def size_before(self, group_id: str) -> int:
        """Failures in the last week."""
        return self.sizes.get((group_id, self.last_week or ""), 0)


def read_past(earlier: pa.Table | None, weeks: pa.Table | None, week: str | None) -> Past:
    """The past that ``week`` is compared with.

    Args:
        earlier: table of EarlierGroup of any number of weeks.
        weeks: table of WeekFacts, one row for each of those weeks; they are ordered by their start.
        week: this week; what an earlier run of it left is left out.

    Raises:
        BadInputError: a week is in ``weeks`` twice, a group is in a week twice, or ``earlier`` has a week that is not
            in ``weeks``.
    """
    known = {} if weeks is None else _weeks(weeks, week)
    if earlier is None:
        return Past(known, {}, {}, {})
    light = earlier.drop_columns(["centroid"]).to_pylist()
    places = [place for place, row in enumerate(light) if row["week"] != week]
    unknown = sorted({light[place]["week"] for place in places} - set(known))
    if unknown:
        raise BadInputError(f"groups of weeks without facts: {unknown}; give their rows of week_facts", weeks=unknown)
    sizes = {(light[place]["group_id"], light[place]["week"]): light[place]["size"] for place in places}
    if len(sizes) != len(places):
        raise BadInputError("a group is in an earlier week twice; give one dataset of groups for each week")
    order = {name: position for position, name in enumerate(known)}
    latest = {light[place]["group_id"]: place for place in sorted(places, key=lambda each: order[light[each]["week"]])}
    ids = sorted(latest)
    vectors = earlier.column("centroid").take(pa.array([latest[each] for each in ids], pa.int64())).to_pylist()
    centroids = {each: np.array(vector) for each, vector in zip(ids, vectors, strict=True) if vector}
    return Past(known, {each: light[latest[each]] for each in ids}, sizes, centroids)


def earlier_groups(groups: pa.Table, week: str) -> pa.Table:
    """A week's groups as later weeks read them.

    Args:
        groups: table of FailureGroup, resolved groups included.
        week: the week that they are of.

    Returns:
        Table of EarlierGroup in the same order; tables of several weeks can be concatenated.
    """
    schema = arrow_schema(EarlierGroup)
    columns = {"week": pa.array([week] * groups.num_rows, pa.string())}
    columns |= {name: groups.column(name) for name in schema.names if name != "week"}
    return pa.table(columns, schema=schema)


def matched_ids(failure_type: str, centroids: Floats, past: Past, min_cosine: float) -> list[str | None]:
    """The earlier group that each cluster of a type continues; None where it is a new one.

    Each cluster gets at most one earlier group and the reverse, so that the sum of cosines is largest. Resolved groups
    count as they were left last: what comes back has the id that it had.

    Args:
        failure_type: earlier groups of other types are not looked at, nor are those of another vector length.
        centroids: shape (n_clusters, d), rows of norm 1 or zero.
        past: see :class:`Past`.
        min_cosine: pairs below it do not match.

    Source:
        Kuhn (1955), Naval Res. Logist. Q. 2, 83-97 (optimal assignment), as in scipy.
    """
    ids = [
        group_id
        for group_id, vector in past.centroids.items()
        if past.latest[group_id]["failure_type"] == failure_type and len(vector) == centroids.shape[1]
    ]
    found: list[str | None] = [None] * len(centroids)
    if not ids or not found:
        return found
    # einsum, not BLAS: its sums don't depend on how many threads run
    cosines = np.einsum("id,jd->ij", centroids, np.stack([past.centroids[each] for each in ids]))
    gains = np.where(cosines >= min_cosine, cosines, 0.0)
    for row, column in zip(*linear_sum_assignment(gains, maximize=True), strict=True):
        if gains[row, column] > 0:
            found[row] = ids[column]
    return found


def trend_of(size: int, n_triaged: int, size_before: int, n_triaged_before: int, alpha: float) -> GroupTrend:
    """Whether a group's share of the triaged traces changed.

    ``new``: none in the last week, also when it is back after weeks without, as its history tells; ``resolved``: none
    now. Otherwise ``growing`` or ``shrinking`` when Fisher's exact test, two-sided, has p < ``alpha``, else ``steady``.
    Each group is tested alone: of many groups that did not change, up to a share ``alpha`` are called changed.

    Raises:
        BadInputError: none in both weeks, or more failures than traces.

    Source:
        Fisher (1922), J. R. Stat. Soc. 85(1), 87-94, as in scipy.
    """
    if not (size or size_before) or size > n_triaged or size_before > n_triaged_before:
        raise BadInputError(
            f"a group of {size} in {n_triaged} traces cannot follow {size_before} in {n_triaged_before}"
        )
    if not size_before:
        return "new"
    if not size:
        return "resolved"
    table = np.array([[size, n_triaged - size], [size_before, n_triaged_before - size_before]])
    if fisher_exact(table).pvalue >= alpha:
        return "steady"
    return "growing" if size * n_triaged_before > size_before * n_triaged else "shrinking"


def history_of(group_id: str, past: Past, this: GroupWeek) -> list[GroupWeek]:
    """A group's weeks, oldest first, this one last; at most a year.

    Weeks of ``past`` in which the group was not seen have size 0; what the group itself remembers of weeks before them
    comes first.
    """
    remembered = past.latest[group_id]["history"] if group_id in past.latest else []
    before = [GroupWeek(**row) for row in remembered if row["week"] not in past.weeks and row["week"] != this.week]
    known = [
        GroupWeek(week=week, size=past.sizes.get((group_id, week), 0), n_triaged=n) for week, n in past.weeks.items()
    ]
    return [*before, *known, this][-MAX_HISTORY:]


def resolved_groups(present: Collection[str], past: Past, this: GroupWeek) -> list[FailureGroup]:
    """A row of size 0 for each group of the last week that is not among ``present``, by id.

    It keeps its label, tenants and centroid. None when nothing was triaged this week: then nothing was looked at.
    """
    gone = [each for each in past.latest if past.size_before(each) and each not in present]
    return [_resolved(group_id, past, this) for group_id in sorted(gone) if this.n_triaged]


def unclustered_id(failure_type: str) -> str:
    """The id, in every week, of what is near to nothing else of a type."""
    return f"unclustered-{failure_type}"


def _weeks(weeks: pa.Table, week: str | None) -> dict[str, int]:
    rows = [row for row in weeks.select(["week", "start", "n_triaged"]).to_pylist() if row["week"] != week]
    rows.sort(key=lambda row: (row["start"], row["week"]))
    known = {row["week"]: row["n_triaged"] for row in rows}
    if len(known) != len(rows):
        raise BadInputError("a week is among the earlier weeks twice; give the facts of one run of each week")
    return known


def _resolved(group_id: str, past: Past, this: GroupWeek) -> FailureGroup:
    left = past.latest[group_id]
    centroid = past.centroids.get(group_id)
    return FailureGroup(
        group_id=group_id,
        failure_type=left["failure_type"],
        size=0,
        label=left["label"],
        example_trace_ids=[],
        tenants=left["tenants"],
        clustered=group_id != unclustered_id(left["failure_type"]),
        centroid=[] if centroid is None else centroid.tolist(),
        trend="resolved",
        history=history_of(group_id, past, this),
    )
