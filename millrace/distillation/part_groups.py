"""Parts of many datasets, put together to jobs of a size worth a task."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from millrace.datasets.dataset import Dataset

JOB_ROWS = 30_000  # three full parts: passages of several kilobytes a row still fit into memory


@dataclass(frozen=True)
class OpenSource:
    """An opened dataset, and the run that brought it in."""

    dataset: Dataset
    run_id: str

    @property
    def name(self) -> str:
        """``kind:hash``, which evidence calls its source file."""
        return self.dataset.ref.name


@dataclass(frozen=True)
class SourcePart:
    """One part of a source: its place among the parts, and how many rows come before it in the dataset."""

    source: OpenSource
    index: int
    first_row: int
    n_rows: int


def parts_of(sources: Iterable[OpenSource]) -> Iterator[SourcePart]:
    """Every part of every source, in order."""
    for source in sources:
        first_row = 0
        for index, part in enumerate(source.dataset.manifest.parts):
            yield SourcePart(source, index, first_row, part.rows)
            first_row += part.rows


def grouped(parts: Iterable[SourcePart], job_rows: int = JOB_ROWS) -> Iterator[Sequence[SourcePart]]:
    """Neighbouring parts with at most so many rows together, one part at least; the cut depends on row counts alone."""
    group: list[SourcePart] = []
    for part in parts:
        if group and sum(each.n_rows for each in group) + part.n_rows > job_rows:
            yield group
            group = []
        group.append(part)
    if group:
        yield group
