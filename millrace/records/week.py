"""What a weekly run leaves for the weeks after it."""

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime
from millrace.records.triage import FailureType, GroupWeek


class TypeCount(Record):
    """How many traces of a week failed in one way."""

    failure_type: FailureType
    n: int = Field(ge=0)


class WeekFacts(Record):
    """One week in numbers, as its run found them."""

    week: Identifier
    start: UtcTime
    end: UtcTime
    time_zone: Identifier
    n_traces: int = Field(ge=0)
    n_triaged: int = Field(ge=0)
    failures: list[TypeCount] = Field(description="Types that occurred")
    n_scored: int = Field(ge=0, description="Traces with a groundedness score")
    groundedness_mean: float | None = Field(ge=0, le=1, description="None when nothing was scored")
    groundedness_low: float | None = Field(description="Lower end of the 95 % interval of the mean")
    groundedness_high: float | None = None


class EarlierGroup(Record):
    """A group of failures as an earlier week left it."""

    week: Identifier
    group_id: Identifier
    failure_type: FailureType
    label: str
    size: int = Field(ge=0)
    centroid: list[float]
    tenants: list[Identifier]
    history: list[GroupWeek]
