"""The process that plays parts and is disturbed, and what becomes of it for the table."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Players, Stage
from tests.faults.parts import PARTS, write_all_inputs

ROOT = Path(__file__).parents[2]
StageOf = Callable[[str], Stage]


@pytest.fixture(scope="session")
def torture(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--torture"))


@pytest.fixture(scope="session")
def only_torture(torture: bool) -> None:
    """The test is skipped, before anything is set up for it, unless there is time."""
    if not torture:
        pytest.skip("only with --torture")


@pytest.fixture(scope="session")
def players(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Players]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "tests.faults.child"]
    inputs = write_all_inputs(tmp_path_factory.mktemp("inputs"))
    environment = os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("temporary"))}  # the killed leave things there
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, env=environment) as server:
        assert server.stdin is not None
        yield Players(server, inputs)
        server.stdin.close()


@pytest.fixture(scope="session")
def stage_of(players: Players, tmp_path_factory: pytest.TempPathFactory) -> StageOf:
    """A flow's stage, set up once."""
    known: dict[str, Stage] = {}

    def stage(flow: str) -> Stage:
        if flow not in known:
            known[flow] = Stage(players, PARTS[flow], tmp_path_factory.mktemp(flow))
        return known[flow]

    return stage
