"""The process that turns wheels and is killed, and where in a turn it is."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.inputs import write_inputs
from tests.support.state import state_of

ROOT = Path(__file__).parents[2]
N_POINTS, N_TORTURE_POINTS = 24, 400
N_DAY_POINTS, N_TORTURE_DAY_POINTS = 12, 150  # of the daily evaluation alone
N_DISTIL_POINTS, N_TORTURE_DISTIL_POINTS = 10, 150  # of a distillation alone


@dataclass(frozen=True)
class Played:
    """How a turn ended: the process's exit status, and the operations of a whole one."""

    status: int
    events: list[tuple[str, str]]


Play = Callable[..., Played]


@dataclass(frozen=True)
class Undisturbed:
    """A turn that nobody disturbed."""

    events: list[tuple[str, str]]
    state: Mapping[str, Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" in metafunc.fixturenames:
        metafunc.parametrize("point", range(_n_points(metafunc.config)))
    if "day_point" in metafunc.fixturenames:
        metafunc.parametrize("day_point", range(_n_day_points(metafunc.config)))
    if "distil_point" in metafunc.fixturenames:
        metafunc.parametrize("distil_point", range(_n_distil_points(metafunc.config)))


@pytest.fixture(scope="session")
def n_points(pytestconfig: pytest.Config) -> int:
    return _n_points(pytestconfig)


@pytest.fixture(scope="session")
def n_day_points(pytestconfig: pytest.Config) -> int:
    return _n_day_points(pytestconfig)


@pytest.fixture(scope="session")
def n_distil_points(pytestconfig: pytest.Config) -> int:
    return _n_distil_points(pytestconfig)


def _n_points(config: pytest.Config) -> int:
    return N_TORTURE_POINTS if config.getoption("--torture") else N_POINTS


def _n_day_points(config: pytest.Config) -> int:
    return N_TORTURE_DAY_POINTS if config.getoption("--torture") else N_DAY_POINTS


def _n_distil_points(config: pytest.Config) -> int:
    return N_TORTURE_DISTIL_POINTS if config.getoption("--torture") else N_DISTIL_POINTS


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def play(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Turn the wheel in a home, in a process of its own that dies at the given operation; 0 lets it live."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "tests.faults.child"]
    environment = os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("temporary"))}  # the killed leave things there
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, env=environment) as server:
        asking, answering = server.stdin, server.stdout
        assert asking is not None
        assert answering is not None

        def turn(home: Path, fatal: int = 0, part: str = "turn") -> Played:
            home.mkdir(exist_ok=True)
            order = {"inputs": str(inputs), "home": str(home), "fatal": fatal, "part": part}
            print(json.dumps(order), file=asking, flush=True)
            answer = json.loads(answering.readline())
            return Played(answer["status"], [tuple(event) for event in answer["events"]])

        yield turn
        asking.close()


@pytest.fixture(scope="session")
def undisturbed_day(play: Play, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return _undisturbed(play, tmp_path_factory.mktemp("undisturbed-day"), "day")


@pytest.fixture(scope="session")
def undisturbed_distillation(play: Play, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return _undisturbed(play, tmp_path_factory.mktemp("undisturbed-distillation"), "distil")


@pytest.fixture(scope="session")
def undisturbed(play: Play, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return _undisturbed(play, tmp_path_factory.mktemp("undisturbed"), "turn")


def _undisturbed(play: Play, home: Path, part: str) -> Undisturbed:
    played = play(home, 0, part=part)
    assert played.status == 0
    return Undisturbed(played.events, state_of(home))
