"""Alerts are sent once: whichever of its steps a process is killed at, and however many try at the same time."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.ledger.alerts import alert_log
from millrace.ledger.store import Ledger
from tests.support.webhook import Receiver

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
Play = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.alert_sender"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def play(server: subprocess.Popen[str], receiver: Receiver) -> Play:
    """Send from processes of their own: ``play(home, *run_ids, fatal=0, minute=0)``."""

    def send(home: Path, *run_ids: str, fatal: int = 0, minute: float = 0) -> list[dict[str, Any]]:
        assert server.stdin is not None
        assert server.stdout is not None
        order = {"home": str(home), "url": receiver.url, "run_ids": run_ids, "fatal": fatal, "minute": minute}
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        answers: list[dict[str, Any]] = json.loads(server.stdout.readline())
        return answers

    return send


def statuses(home: Path) -> list[str]:
    with Ledger.open(home / "ledger.sqlite") as ledger:
        return [each.status for each in alert_log(ledger)]


def test_killed_at_any_commit_an_alert_is_never_sent_twice(
    tmp_path: Path, play: Play, receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    (undisturbed,) = play(tmp_path / "undisturbed", "run")
    assert (undisturbed["status"], undisturbed["outcomes"]) == (0, ["sent"])
    assert len(receiver.bodies) == 1
    commits = [place for place, (kind, _) in enumerate(undisturbed["events"], 1) if "commit" in kind]
    if not request.config.getoption("--torture"):
        # Three events each of: the ledger's making, the run's start, the intention, the claim, the confirmation, the
        # effect's end, the run's end.
        commits = [*commits[8:10], *commits[11:13], *commits[14:16]]
    seen = set()
    for fatal in commits:
        home = tmp_path / f"killed-{fatal}"
        receiver.bodies.clear()
        assert play(home, "run", fatal=fatal)[0]["status"] == -signal.SIGKILL
        n_before, left = len(receiver.bodies), statuses(home)
        (again,) = play(home, "run", minute=1)
        assert len(receiver.bodies) <= 1
        assert again["outcomes"] == (["suppressed"] if left == ["claimed"] else ["sent"])
        if (n_before, *left) in seen:
            continue  # what follows is the same
        (later,) = play(home, "later", minute=29.9)
        assert len(receiver.bodies) <= 1
        assert later["outcomes"] == ["suppressed"]
        (tomorrow,) = play(home, "tomorrow", minute=60)
        assert tomorrow["outcomes"] == ["sent"]
        seen.add((n_before, *left))
    # killed before the claim; between claim and sending; between sending and confirming; after confirming
    assert seen == {(0,), (0, "claimed"), (1, "claimed"), (1, "sent")}


def test_of_runs_that_send_at_once_one_does(tmp_path: Path, play: Play, receiver: Receiver) -> None:
    for place in range(3):
        home = tmp_path / str(place)
        Ledger.open(home / "ledger.sqlite").close()
        receiver.bodies.clear()
        answers = play(home, "one", "two", "three")
        assert [each["status"] for each in answers] == [0, 0, 0]
        assert sorted(each["outcomes"][0] for each in answers) == ["sent", "suppressed", "suppressed"]
        assert len(receiver.bodies) == 1


def test_a_clock_that_jumps_doubles_no_alert_of_a_run_and_within_the_quiet_time_none_at_all(
    tmp_path: Path, play: Play, receiver: Receiver
) -> None:
    (first,) = play(tmp_path, "run", minute=60)
    for minute in (0, 14_460):  # entered again an hour earlier, and ten days later
        (again,) = play(tmp_path, "run", minute=minute)
        assert again["outcomes"] == first["outcomes"] == ["sent"]
    (other,) = play(tmp_path, "other", minute=35)  # a clock ahead by more than the quiet time silences nobody
    assert other["outcomes"] == ["suppressed"]
    assert len(receiver.bodies) == 1
