"""Retention killed anywhere and entered again ends like an undisturbed one: nothing more goes, and it is told once."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.ledger import audit_log, catalogue, expiry
from tasks.audit_verification import verify_audit_log
from tasks.home import Home
from tests.support.old_home import NOW, RUN
from tests.support.retention_enforcer import old_home

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
Play = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    command = [sys.executable, "-m", "tests.support.retention_enforcer"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(folder: Path, fatal: int = 0) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"home": str(folder / "home"), "fatal": fatal}) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    yield send
    process.kill()
    process.communicate()


def state(folder: Path) -> dict[str, Any]:
    home = Home(folder / "home")
    with home.ledger:
        buried = [
            (entry.ref.name, entry.buried_reason)
            for each in expiry.catalogued(home.ledger)
            for entry in catalogue.find(home.ledger, each.content_hash)
        ]
        told = [each.details for each in audit_log.entries(home.ledger) if each.action == "retention-enforced"]
        verdict = verify_audit_log(home)
        return {
            "datasets": sorted(path.name for path in (home.root / "datasets").glob("human_ratings/*")),
            "exports": sorted(path.name for path in (home.root / "exports").glob("*")),
            "buried": buried,
            "requests": expiry.old_rows(home.ledger, "requests", NOW, []).n_rows,
            "told": [{name: value for name, value in each.items() if name != "pinned_hash"} for each in told],
            "findings": verdict.findings,
        }


def test_a_killed_run_ends_like_an_undisturbed_one(play: Play, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    template = tmp_path / "template"
    (template / "home").mkdir(parents=True)
    old_home(Home(template / "home"))
    Home(template / "home").ledger.close()
    undisturbed = shutil.copytree(template, tmp_path / "undisturbed")
    answer = play(undisturbed)
    assert (answer["status"], answer["error"]) == (0, None)
    expected = state(undisturbed)
    assert (len(expected["datasets"]), expected["exports"], expected["requests"]) == (1, ["young"], 1)
    assert [each["datasets"] for each in expected["told"]] == [2]
    events = [tuple(event) for event in answer["events"]]
    removing = [n for n, (_, path) in enumerate(events, 1) if ".removing" in path]
    bury = next(n for n in range(removing[0], 0, -1) if events[n - 1][0] == "committed")
    told = next(n for n in range(removing[-1], len(events)) if events[n - 1] == ("renamed", "audit/head.json"))
    points = {bury - 2, bury, removing[0], removing[len(removing) // 2], told}
    if request.config.getoption("--torture"):
        points = set(range(1, len(events) + 1))
    for fatal in sorted(points):
        where = f"killed at operation {fatal}: {events[fatal - 1]}"
        folder = shutil.copytree(template, tmp_path / f"killed-{fatal}")
        assert play(folder, fatal)["status"] == -signal.SIGKILL, where
        left = state(folder)
        assert set(expected["datasets"]) <= set(left["datasets"]), where
        assert left["findings"] == [], where
        assert play(folder)["status"] == 0, where
        assert state(folder) == expected, where
        shutil.rmtree(folder)
    assert RUN in str(expected["buried"])
