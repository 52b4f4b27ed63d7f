"""The same input gives the same content, whatever works on it in whatever order."""

import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from millrace.datasets.store import DatasetBuilder, DatasetStore
from tasks import parts
from tasks.parts import Job, commit_part
from tests.properties.conftest import ROWS_OF_A_PART, Turn
from tests.support.state import state_of

ROOT = Path(__file__).parents[2]
run_all = parts._run_all


def with_workers(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(parts, "_run_all", lambda jobs, builders, _workers: run_all(jobs, builders, workers))


def in_shuffled_order(monkeypatch: pytest.MonkeyPatch, seed: int) -> list[int]:
    """Parts are computed and committed in random order; the list collects the slots as they were."""
    done: list[int] = []
    numbers = random.Random(seed)

    def run(jobs: Iterable[Job], builders: Mapping[str, DatasetBuilder], _workers: int) -> int:
        slots = list(enumerate(jobs))
        numbers.shuffle(slots)
        for slot, job in slots:
            commit_part(job, builders, slot)
            done.append(slot)
        return len(slots)

    monkeypatch.setattr(parts, "_run_all", run)
    return done


def test_content_does_not_depend_on_workers_or_order(turn: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    with_workers(monkeypatch, 1)
    home = turn("one worker")
    expected = state_of(home)
    n_parts = [DatasetStore(home / "datasets").open(ref).n_parts for ref in DatasetStore(home / "datasets").refs()]
    assert max(n_parts) > 5

    with_workers(monkeypatch, 2)
    assert state_of(turn("two workers")) == expected
    done = in_shuffled_order(monkeypatch, seed=1)
    assert state_of(turn("shuffled")) == expected
    assert done != sorted(done)


def test_content_does_not_depend_on_the_hash_seed(inputs: Path, tmp_path: Path) -> None:
    def start(seed: str) -> "subprocess.Popen[bytes]":
        (tmp_path / seed).mkdir()
        environment = os.environ | {"PYTHONHASHSEED": seed, "MILLRACE_HOME": str(tmp_path / seed)}
        command = [sys.executable, "-m", "tests.support.turn", str(inputs), str(ROWS_OF_A_PART)]
        return subprocess.Popen(command, env=environment, cwd=ROOT)

    processes = [start(seed) for seed in ("1", "2")]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert state_of(tmp_path / "1") == state_of(tmp_path / "2")
