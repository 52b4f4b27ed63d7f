"""The children notice what they are there for: each kind of failure is made once, and told apart from a good end."""

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from millrace.errors import BadInputError, UnavailableError
from tests.hostile import child
from tests.hostile.child import Input, Outcome
from tests.hostile.mutation import Files, Link


def outcomes(tmp_path: Path, *reads: Callable[[], object]) -> list[Outcome]:
    """Of reads that find in their input which of them they are."""

    def read(folder: Path, _scratch: Path) -> object:
        return reads[int((folder / "n").read_text())]()

    (tmp_path / "run").mkdir()
    inputs = [Input(partial(_input, number), read) for number in range(len(reads))]
    return list(child.run(inputs, tmp_path / "run"))


def _input(number: int) -> Files:
    return {"n": str(number).encode()}


def refuse(message: str = "bad", **details: object) -> Callable[[], object]:
    def read() -> object:
        raise BadInputError(message, **details)

    return read


def fail(error: BaseException) -> Callable[[], object]:
    def read() -> object:
        raise error

    return read


def test_results_and_errors_of_ours_are_good_ends(tmp_path: Path) -> None:
    found = outcomes(tmp_path, lambda: 1, refuse(), fail(UnavailableError("later")), lambda: None)
    assert [(each.place, each.ending, each.failure) for each in found] == [
        (0, "result", None), (1, "BadInputError", None), (2, "UnavailableError", None), (3, "result", None),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError(), MemoryError(), SystemExit(0), KeyError("\ud800")])
def test_any_other_exception_is_a_failure_that_names_its_place(tmp_path: Path, error: BaseException) -> None:
    (found,) = outcomes(tmp_path, fail(error))
    assert found.ending == type(error).__name__
    assert found.failure is not None
    assert "test_child.py" in found.failure


def test_an_error_of_ours_that_cannot_be_shown_is_a_failure(tmp_path: Path) -> None:
    found = outcomes(tmp_path, refuse("\ud800"), refuse("x", found=float("nan")), refuse("x" * 100_000))
    assert all(each.failure for each in found)
    assert [each.ending for each in found] == ["BadInputError"] * 3


def test_a_process_that_dies_is_a_failure_and_the_inputs_after_it_run(tmp_path: Path) -> None:
    found = outcomes(tmp_path, lambda: 1, lambda: os.kill(os.getpid(), signal.SIGSEGV), lambda: os._exit(3), lambda: 1)
    assert [each.place for each in found] == [0, 1, 2, 3]
    assert found[0].failure is found[3].failure is None
    assert "SIGSEGV" in str(found[1].failure)
    assert "exit 3" in str(found[2].failure)


def test_what_takes_too_much_processor_time_is_ended_and_tells_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "CPU_SECONDS", 0.2)

    def spin_for_ever() -> None:
        while True:
            pass

    found = outcomes(tmp_path, spin_for_ever, lambda: 1)
    assert "processor time" in str(found[0].failure)
    assert "spin_for_ever" in str(found[0].failure)
    assert found[1].failure is None


def test_what_waits_for_ever_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "WALL_SECONDS", 0.3)
    found = outcomes(tmp_path, signal.pause, lambda: 1)
    assert "nothing for 0.3 s" in str(found[0].failure)
    assert found[1].failure is None


def test_memory_is_measured_for_the_input_that_took_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PEAK_BYTES", 40 * 2**20)
    found = outcomes(tmp_path, lambda: 1, lambda: len(b"x" * (80 * 2**20)), lambda: 1)
    assert [each.failure is not None for each in found] == [False, True, False]
    assert found[1].peak_bytes > 70 * 2**20


def test_inputs_are_written_as_they_are_said(tmp_path: Path) -> None:
    files: Files = {"a/b.json": b"{}", "link": Link("{outside}/secret.md")}
    child.write(files, tmp_path / "input", tmp_path / "outside")
    assert json.loads((tmp_path / "input" / "a" / "b.json").read_bytes()) == {}
    assert os.readlink(tmp_path / "input" / "link") == str(tmp_path / "outside" / "secret.md")
