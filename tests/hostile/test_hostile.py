"""Every reader on hostile input ends in a result or in an error of ours, soon, and in bounded memory.

An input that fails is kept, and the message says where; ``python -m tests.hostile.campaign --reader NAME --number N``
runs it again.
"""

from pathlib import Path

import pytest

from tests.hostile.campaign import numbers_of, run_readers
from tests.hostile.registry import readers

FEW, MANY = 300, 10_000
GROUPS = 4
"""Few tests of many readers each: a process is forked for each test, and modules are imported once."""


@pytest.mark.faults  # whose long versions `make torture` runs
@pytest.mark.parametrize("group", range(GROUPS))
def test_hostile_inputs_end_in_results_or_errors_of_ours(
    group: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    total = MANY if request.config.getoption("--torture") else FEW
    chosen = readers()[group::GROUPS]
    # Number 0 is a sound input, which has to end in a result: a reader that refuses everything would pass else.
    numbers = {each.name: range(numbers_of(each, total, readers()).stop) for each in chosen}
    tallies = run_readers(numbers, tmp_path / "run")
    assert [each.n_inputs for each in tallies] == [len(each) for each in numbers.values()]
    failures = [text for each in tallies for text in each.failures]
    assert not failures, "\n\n".join(failures)
