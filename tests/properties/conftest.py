"""Wheels turned in this process, over hashed words and datasets of many small parts."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from millrace.datasets import store
from millrace.datasets.parts import cut
from tests.support import embedder, wheel
from tests.support.inputs import write_inputs

ROWS_OF_A_PART = 5

Turn = Callable[[str], Path]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blocks.embedder._block", embedder.stand_in)
    monkeypatch.setattr(store, "cut", partial(cut, max_rows=ROWS_OF_A_PART))


@pytest.fixture
def turn(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Turn the whole wheel in a new, empty home of that name."""

    def turned(name: str) -> Path:
        home = tmp_path / name
        home.mkdir()
        monkeypatch.setenv("MILLRACE_HOME", str(home))
        monkeypatch.chdir(home)
        wheel.turn(inputs, home)
        return home

    return turned
