"""The audit log under processes that tell it at once, and under one that is killed while it does."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.governance.audit_chain import AuditVerdict
from tasks.audit_log import witness_of
from tasks.audit_verification import verify_audit_log
from tasks.home import Home

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
Play = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.audit_teller"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def play(server: subprocess.Popen[str]) -> Play:
    """Tell from processes of their own: ``play(folder, n, processes=1, fatal=0)``."""

    def send(folder: Path, n: int, processes: int = 1, fatal: int = 0) -> list[dict[str, Any]]:
        assert server.stdin is not None
        assert server.stdout is not None
        anchor = str(folder / "elsewhere" / "heads.jsonl")
        order = {"home": str(folder / "home"), "anchor": anchor, "n": n, "processes": processes, "fatal": fatal}
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        answers: list[dict[str, Any]] = json.loads(server.stdout.readline())
        return answers

    return send


def verdict_on(folder: Path) -> AuditVerdict:
    anchor = folder / "elsewhere" / "heads.jsonl"
    return verify_audit_log(Home(folder / "home"), [anchor] if anchor.exists() else [])


def test_what_four_processes_tell_at_once_is_one_chain(play: Play, tmp_path: Path) -> None:
    answers = play(tmp_path, n=50, processes=4)
    assert [(each["status"], each["error"]) for each in answers] == [(0, None)] * 4
    verdict = verdict_on(tmp_path)
    assert verdict.findings == []
    assert verdict.n_entries == 200
    assert witness_of(Home(tmp_path / "home")) == verdict.head
    heads = [json.loads(line) for line in (tmp_path / "elsewhere" / "heads.jsonl").read_text().splitlines()]
    assert heads[-1]["sequence"] == 200


def test_killed_at_any_operation_it_leaves_a_log_that_verifies_and_goes_on(
    play: Play, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (undisturbed,) = play(tmp_path / "undisturbed", n=2)
    assert undisturbed["status"] == 0
    events = [tuple(event) for event in undisturbed["events"]]
    assert {"commit", "committed", "torn", "renamed"} <= {kind for kind, _ in events}
    assert any("heads.jsonl" in path for _, path in events)
    step = 1 if request.config.getoption("--torture") else 5
    for fatal in range(1, len(events) + 1, step):
        folder = tmp_path / f"killed-{fatal}"
        where = f"killed at operation {fatal}: {events[fatal - 1]}"
        assert play(folder, n=2, fatal=fatal)[0]["status"] == -signal.SIGKILL, where
        left = verdict_on(folder)
        assert left.findings == [], where
        assert left.n_entries <= 2
        assert play(folder, n=2)[0]["status"] == 0, where
        again = verdict_on(folder)
        assert again.findings == [], where
        assert again.n_entries in (left.n_entries + 1, left.n_entries + 2), where  # what is told once is there once
        assert witness_of(Home(folder / "home")) == again.head, where
