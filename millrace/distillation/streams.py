"""Which of Millrace's datasets are evidence, and what became of their rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.golden import Semver
from millrace.records.trace import UtcTime

StreamName = Literal["traces", "annotations", "golden", "feedback", "replays"]
STREAM_NAMES: tuple[StreamName, ...] = get_args(StreamName)


class SourceDataset(Record):
    """A dataset that evidence is taken from, and the run that brought it in."""

    ref: DatasetRef
    run_id: Identifier


class AnnotationSource(Record):
    """What people answered to the questions of one run."""

    tasks: DatasetRef
    annotations: DatasetRef
    run_id: Identifier = Field(description="Run that asked")


class GoldenVersionTime(Record):
    """When a version became the active one for the first time."""

    version: Semver
    published_at: UtcTime


class GoldenSource(Record):
    """The active version of a golden dataset."""

    name: Identifier
    version: Semver
    ref: DatasetRef
    run_id: Identifier
    published_at: UtcTime
    versions: list[GoldenVersionTime] = Field(description="Every version there ever was, the first first")


class MillraceStreams(Record):
    """What a distillation takes from its home: names of contents, so that it can be taken again.

    Of the lists that say something of traces (groundedness to feedback) a later dataset has the last word.
    """

    streams: list[StreamName]
    tenants: list[Identifier] | None = None
    start: UtcTime | None = None
    end: UtcTime | None = None
    traces: list[SourceDataset] = Field(default=[])
    groundedness: list[DatasetRef] = Field(default=[])
    triage: list[DatasetRef] = Field(default=[])
    metric_scores: list[DatasetRef] = Field(default=[])
    human_ratings: list[DatasetRef] = Field(default=[])
    feedback: list[SourceDataset] = Field(default=[])
    answers: list[DatasetRef] = Field(default=[], description="All that people answered: what annotations are parts of")
    annotations: list[AnnotationSource] = Field(default=[])
    golden: list[GoldenSource] = Field(default=[])
    replays: list[SourceDataset] = Field(default=[])


class StreamCounts(Record):
    """What became of a stream's rows; rows of other times or tenants are none of them."""

    taken: int = Field(ge=0)
    skipped: dict[Identifier, int] = Field({}, description="Rows in the skips, by reason")
    without_answer: int = Field(
        0,
        ge=0,
        description="Rows that hold no text to learn from: traces without an answer, annotations and "
        "golden rows without an expected answer, replays that failed",
    )


class Scope(Record):
    """Which rows of a dataset are looked at."""

    tenants: list[Identifier] | None = None
    start: UtcTime | None = None
    end: UtcTime | None = None

    @property
    def has_window(self) -> bool:
        """Whether rows are told apart by time."""
        return self.start is not None or self.end is not None

    def within(self, table: pa.Table) -> pa.Array:
        """A truth value a row: whether its tenant, and its time where it has one, are looked at.

        Args:
            table: with ``tenant_id``; a column ``time`` is compared with the window, start inclusive, end exclusive.
        """
        inside = pc.is_valid(table.column("tenant_id"))
        if self.tenants is not None:
            inside = pc.is_in(table.column("tenant_id"), pa.array(self.tenants, pa.string()))
        if "time" in table.column_names:
            for bound, compare in ((self.start, pc.greater_equal), (self.end, pc.less)):
                if bound is not None:
                    inside = pc.and_(inside, compare(table.column("time"), _time(bound)))
        return inside.combine_chunks() if isinstance(inside, pa.ChunkedArray) else inside


def _time(bound: datetime) -> pa.Scalar:
    return pa.scalar(bound, pa.timestamp("us", tz="UTC"))


def known_streams(names: Sequence[str]) -> list[StreamName]:
    """The named streams, each once, in the order of :data:`STREAM_NAMES`.

    Raises:
        BadInputError: a name that no stream has; the message lists the streams.
    """
    unknown = sorted(set(names) - set(STREAM_NAMES))
    if unknown:
        raise BadInputError(
            f"no stream {', '.join(map(repr, unknown))}; there are {', '.join(STREAM_NAMES)}", streams=unknown
        )
    return [name for name in STREAM_NAMES if name in names]
