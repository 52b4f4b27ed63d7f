"""When Millrace's own tests are a gate, and when not."""

from pathlib import Path
from typing import Any

import pytest

from millrace.errors import BadInputError
from millrace.records.release import GateCommand, GateResult
from tasks.release_plan import ReleaseSettings, own_tests_gate


def settings(**given: Any) -> ReleaseSettings:
    return ReleaseSettings.model_validate({"version": "1.0.0"} | given)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "millrace"\n')
    return tmp_path


def test_in_the_checkout_that_runs_they_are_a_gate(checkout: Path) -> None:
    gate = own_tests_gate(settings(), checkout, checkout)
    assert gate == GateCommand(name="tests", argv=["make", "check"], folder=str(checkout))
    other = own_tests_gate(settings(test_command=["pytest", "-q"]), checkout, checkout)
    assert isinstance(other, GateCommand)
    assert other.argv == ["pytest", "-q"]


@pytest.mark.parametrize("content", [None, "not toml [", "[project]\nname = 'other'\n", "[tool.x]\n"])
def test_in_another_checkout_they_are_not_applicable_with_the_reason(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    gate = own_tests_gate(settings(), tmp_path, tmp_path)
    assert isinstance(gate, GateResult)
    assert gate.status == "not_applicable"
    assert gate.reason == "the repository is not the checkout that Millrace runs from"


def test_another_copy_of_millrace_is_not_the_one_that_runs(checkout: Path, tmp_path: Path) -> None:
    gate = own_tests_gate(settings(), checkout, tmp_path / "installed")
    assert isinstance(gate, GateResult)
    assert gate.status == "not_applicable"


def test_without_a_repository_they_are_not_applicable() -> None:
    gate = own_tests_gate(settings(), None, Path("x"))
    assert isinstance(gate, GateResult)
    assert (gate.status, gate.reason) == ("not_applicable", "no repository is tagged")


def test_they_can_be_skipped_and_that_is_written_down(checkout: Path) -> None:
    gate = own_tests_gate(settings(tests="skip"), checkout, checkout)
    assert isinstance(gate, GateResult)
    assert gate.status == "skipped"


def test_a_test_command_that_nothing_would_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"test_command: .*put tests of your own into gates"):
        own_tests_gate(settings(test_command=["pytest"]), tmp_path, tmp_path)


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0-rc1", "../1.0.0", "01.0.0"])
def test_only_a_plain_semantic_version_is_one(version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        settings(version=version)
