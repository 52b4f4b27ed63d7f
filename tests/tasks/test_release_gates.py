"""Gates: what passes, what fails and why, in which surroundings they run, and what of their output is kept."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.records.release import GateCommand, GateResult
from tasks.home import Home
from tasks.release_gates import release_gates, run_gate
from tests.tasks.turns import Turn


def gate(script: str, **settings: Any) -> GateCommand:
    return GateCommand(name="own", argv=["{python}", "-c", script], **settings)


@pytest.fixture
def run(plain: Turn) -> Callable[[GateCommand], GateResult]:
    """What a gate gives, in a run of its own."""
    return lambda command: plain(lambda: [run_gate(command)], f"run-{time.monotonic_ns()}")[0]


@pytest.fixture
def outcome(run: Callable[[GateCommand], GateResult]) -> Callable[..., GateResult]:
    """The same of a line of Python."""
    return lambda script, **settings: run(gate(script, **settings))


def test_exit_code_0_passes_with_its_last_lines(outcome: Callable[..., GateResult]) -> None:
    result = outcome("for n in range(50): print('line', n)")
    assert (result.status, result.exit_code, result.reason) == ("passed", 0, None)
    assert result.output == [f"line {number}" for number in range(30, 50)]
    assert result.duration_s is not None
    assert result.argv[0] == "{python}"


def test_any_other_exit_code_fails(outcome: Callable[..., GateResult]) -> None:
    result = outcome("import sys; print('on stderr', file=sys.stderr); sys.exit(1)")
    assert (result.status, result.exit_code, result.reason) == ("failed", 1, "ended with exit code 1")
    assert result.output == ["on stderr"]


def test_a_gate_that_is_killed_fails(outcome: Callable[..., GateResult]) -> None:
    assert outcome("import os; os.kill(os.getpid(), 9)").exit_code == -9


def test_a_gate_that_takes_too_long_fails_and_leaves_no_child(
    outcome: Callable[..., GateResult], tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "print('started', flush=True)\n"
        "time.sleep(60)"
    )
    result = outcome(script, timeout_s=2)
    assert (result.status, result.exit_code, result.reason) == ("failed", None, "did not end within 2 s")
    assert result.output == ["started"]
    pid = int(pid_file.read_text())
    for _ in range(50):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("the gate's own child lives")


@pytest.mark.parametrize("command", [["no-such-program"], ["/"], ["a\0b"]])
def test_a_command_that_cannot_be_started_fails_with_the_reason(
    run: Callable[[GateCommand], GateResult], command: list[str]
) -> None:
    result = run(GateCommand(name="own", argv=command))
    assert result.status == "failed"
    assert str(result.reason).startswith("could not be started: ")


def test_a_folder_that_is_not_there_fails_the_gate(outcome: Callable[..., GateResult]) -> None:
    assert "could not be started" in str(outcome("pass", folder="nowhere").reason)


def test_a_gate_runs_in_its_folder_on_this_home_and_without_what_is_this_runs_own(
    outcome: Callable[..., GateResult], home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "ours")
    monkeypatch.setenv("MILLRACE_SIGNING_KEY", "/vault/mill.pem")
    monkeypatch.setenv("MILLRACE_HOME", "home")  # relative: the child stands elsewhere
    monkeypatch.chdir(home.root.parent)
    folder = tmp_path / "folder"
    folder.mkdir()
    seen = outcome(
        "import os; print(os.getcwd()); print(os.environ['MILLRACE_HOME']); "
        "print([name for name in os.environ if name.startswith('PREFECT__') or 'SIGNING' in name])",
        folder=str(folder),
    )
    assert seen.output == [str(folder), str(home.root), "[]"]


def test_nobody_is_asked(outcome: Callable[..., GateResult]) -> None:
    assert outcome("print(repr(__import__('sys').stdin.read()))").output == ["''"]


def test_secrets_and_personal_data_are_not_kept(
    outcome: Callable[..., GateResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "correct-horse")
    key = "-----BEGIN PRIVATE KEY-----\\nMIIBVAIBADANBgkqhkiG9w0\\n-----END PRIVATE KEY-----"
    result = outcome(
        "import os; print('used ' + os.environ['MY_SERVICE_TOKEN']); "
        f"print('key sk-proj-abcd1234efgh5678ijkl9012 of ann@example.com'); print('{key}')"
    )
    text = "\n".join(result.output)
    assert "used [MY_SERVICE_TOKEN]" in text
    for secret in ("correct-horse", "sk-proj-abcd", "ann@example.com", "MIIBVAIB"):
        assert secret not in text


def test_endless_output_and_bytes_that_are_no_text_are_kept_short(outcome: Callable[..., GateResult]) -> None:
    script = "import sys; sys.stdout.buffer.write(b'\\xff\\x1b[31mred\\x1b[0m\\n' + b'x' * 5_000_000)"
    result = outcome(script)
    assert result.status == "passed"
    assert sum(map(len, result.output)) <= 20 * 400


def test_a_gate_is_run_once_however_often_the_run_is_entered(plain: Turn, tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'log')!r}, 'a').write('x')"
    for _ in range(3):
        plain(lambda: [run_gate(gate(script))])
    assert (tmp_path / "log").read_text() == "x"


def test_the_bundled_gates_are_commands_of_this_millrace(home: Home) -> None:
    acceptance, audit = release_gates("d-1", [], None)
    assert (acceptance.name, audit.name) == ("acceptance", "audit")
    assert acceptance.argv[-3:] == ["run", "acceptance", "--json"]
    assert audit.argv[-7:] == ["run", "audit", "--set", "distill_run=d-1", "--set", "acceptance=false", "--json"]


def test_a_folder_of_the_users_does_not_stand_in_for_our_command_line(
    run: Callable[[GateCommand], GateResult], tmp_path: Path
) -> None:
    trap = tmp_path / "user" / "apps" / "cli"
    trap.mkdir(parents=True)
    for folder in (trap, trap.parent):
        (folder / "__init__.py").write_text("")
    (trap / "main.py").write_text("print('trapped')")
    bundled = release_gates("d-1", [], None)[0]
    command = bundled.model_copy(update={"argv": [*bundled.argv[:-3], "--help"], "folder": str(tmp_path / "user")})
    result = run(command)
    assert result.status == "passed"
    assert "trapped" not in result.output
    assert any("Exit codes" in line for line in result.output)


def test_ones_own_gate_takes_the_place_of_one_with_its_name() -> None:
    tests, mine = GateCommand(name="tests", argv=["a"]), GateCommand(name="audit", argv=["b"])
    assert [each.name for each in release_gates("d-1", [], tests)] == ["acceptance", "audit", "tests"]
    assert release_gates("d-1", [mine], None)[1] == mine
    assert [each.name for each in release_gates("d-1", [GateCommand(name="more", argv=["c"])], None)][-1] == "more"
