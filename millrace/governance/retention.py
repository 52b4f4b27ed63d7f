"""How long what is kept, and what is past its time (A17)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from millrace.ledger.expiry import AgingTable
from millrace.records.base import Identifier, Record
from millrace.records.kinds import KINDS
from millrace.records.trace import UtcTime

Days = Annotated[int, Field(ge=1, le=36_500)]


class RetentionRules(Record):
    """Days that something is kept, by what it is; None, and a dataset kind without a line: for good."""

    datasets: dict[Identifier, Days | None] = Field(description="By kind, from the end of a dataset's time range")
    exports: Days | None = Field(description="Published exports that no release was frozen from")
    requests: Days | None = Field(description="Replies of chat models in the request journal")
    alerts: Days | None = Field(description="Alerts that were fired")

    @model_validator(mode="after")
    def _knows_its_kinds(self) -> Self:
        unknown = sorted(set(self.datasets) - set(KINDS))
        if unknown:
            raise ValueError(f"no dataset kind {', '.join(unknown)}; there are {', '.join(sorted(KINDS))}")
        return self


class AgingItem(Record):
    """A dataset or a folder of exports past its time. ``reasons`` keep it nevertheless; without any it goes."""

    type: Literal["dataset", "exports"]
    kind: Identifier = Field(description="Of the dataset; 'exports' for exports")
    name: Identifier = Field(description="Content hash of the dataset, or run of the exports")
    rows: int | None = Field(ge=0, description="None for exports, which are files")
    n_bytes: int = Field(ge=0)
    aged_from: UtcTime
    reasons: list[str] = Field([], description="Why it stays")


class AgingRows(Record):
    """Rows of the ledger past their time: those from before a moment, but of the runs that are kept."""

    table: AgingTable
    before: UtcTime
    kept_runs: list[str] = Field(description="Open runs, and runs that a legal hold reaches")
    n_rows: int = Field(ge=0)
    n_bytes: int = Field(ge=0)
    n_kept: int = Field(ge=0)


class RetentionPlan(Record):
    """Exactly what goes, and what stays though its time is over."""

    now: UtcTime
    rules: RetentionRules
    going: list[AgingItem]
    kept: list[AgingItem]
    rows: list[AgingRows]

    @property
    def is_empty(self) -> bool:
        """Whether nothing goes."""
        return not self.going and not any(each.n_rows for each in self.rows)


class RetentionOutcome(Record):
    """What became of a plan: what went, and what was spared because something came to refer to it meanwhile."""

    gone: list[AgingItem]
    spared: list[AgingItem]
    rows: dict[AgingTable, int] = Field(description="Rows of the ledger that were deleted")


class KindTotal(Record):
    """One line of the report."""

    kind: str
    ttl_days: int | None
    n_going: int
    rows: int
    n_bytes: int
    n_kept: int


def is_past(aged_from: datetime, ttl_days: int, now: datetime) -> bool:
    """Whether more than the days have gone by; exactly as many is not past."""
    return now - aged_from > timedelta(days=ttl_days)


def age_of_dataset(time_to: datetime | None, registered_at: datetime, given_out: datetime | None) -> datetime:
    """From when a dataset's days are counted: the end of its time range, else its registration.

    One without a time range that a later run gave out again is as young as that run: equal content is stored once.
    """
    if time_to is not None:
        return time_to
    return registered_at if given_out is None else max(registered_at, given_out)


def sorted_out(
    items: Iterable[AgingItem], reasons: Mapping[str, Sequence[str]]
) -> tuple[list[AgingItem], list[AgingItem]]:
    """What goes and what stays, by kind and name; ``reasons`` by name say why something stays."""
    going: list[AgingItem] = []
    kept: list[AgingItem] = []
    for item in sorted(items, key=lambda each: (each.type, each.kind, each.name)):
        why = [*item.reasons, *reasons.get(item.name, ())]
        (kept if why else going).append(item.model_copy(update={"reasons": why}))
    return going, kept


def totals(plan: RetentionPlan, going: Sequence[AgingItem], deleted: Mapping[AgingTable, int]) -> list[KindTotal]:
    """Counts by kind, of everything that goes or is kept past its time, and of every table with a time."""
    by_kind: defaultdict[str, list[AgingItem]] = defaultdict(list)
    for item in going:
        by_kind[item.kind].append(item)
    n_kept: defaultdict[str, int] = defaultdict(int)
    for item in plan.kept:
        n_kept[item.kind] += 1
    days: dict[str, int | None] = {**plan.rules.datasets, "exports": plan.rules.exports}
    found = [
        KindTotal(
            kind=kind,
            ttl_days=days.get(kind),
            n_going=len(by_kind[kind]),
            rows=sum(each.rows or 0 for each in by_kind[kind]),
            n_bytes=sum(each.n_bytes for each in by_kind[kind]),
            n_kept=n_kept[kind],
        )
        for kind in sorted({*by_kind, *n_kept})
    ]
    ttl: dict[AgingTable, int | None] = {"requests": plan.rules.requests, "alerts": plan.rules.alerts}
    for each in plan.rows:
        n = deleted.get(each.table, 0)
        found.append(
            KindTotal(
                kind=each.table,
                ttl_days=ttl[each.table],
                n_going=n,
                rows=n,
                n_bytes=each.n_bytes if n else 0,
                n_kept=each.n_kept,
            )
        )
    return found
