"""Parts are put together to jobs by their rows alone, each part once and in order."""

from pathlib import Path

import pytest

from millrace.distillation.part_groups import OpenSource, SourcePart, grouped, parts_of
from tests.support.stored import source


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([5], [[5]]),
        ([4, 6, 1], [[4, 6], [1]]),
        ([50, 1], [[50], [1]]),
        ([3, 3, 3, 3, 9], [[3, 3, 3], [3], [9]]),
    ],
)
def test_neighbours_share_a_job_while_they_fit(tmp_path: Path, sizes: list[int], expected: list[list[int]]) -> None:
    opened = source(tmp_path, "traces", {"trace_id": "t"})
    parts = [SourcePart(opened, index, 0, n_rows) for index, n_rows in enumerate(sizes)]
    groups = list(grouped(parts, job_rows=10))
    assert [[part.n_rows for part in group] for group in groups] == expected
    assert [part.index for group in groups for part in group] == list(range(len(sizes)))


def test_every_part_of_every_source_in_order(tmp_path: Path) -> None:
    opened: list[OpenSource] = [
        source(tmp_path, "traces", {"trace_id": "a"}, {"trace_id": "b"}),
        source(tmp_path, "traces"),
        source(tmp_path, "traces", {"trace_id": "c"}),
    ]
    assert [(part.source.name, part.first_row, part.n_rows) for part in parts_of(opened)] == [
        (opened[0].name, 0, 2),
        (opened[2].name, 0, 1),
    ]
