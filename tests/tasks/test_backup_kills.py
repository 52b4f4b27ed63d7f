"""A process killed while it makes or restores a backup leaves nothing that looks like one, and the next succeeds."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.governance.backup_check import verify_backup
from millrace.ledger import audit_log
from tasks.backup import make_backup
from tasks.home import Home
from tests.support.backups import no_show, small_home
from tests.support.state import check_whole

pytestmark = pytest.mark.faults

N_POINTS, N_TORTURE_POINTS = 6, 10_000
ROOT = Path(__file__).parents[2]
# Serves lines of JSON: forks a child that does it and dies before its n-th durable operation (0: lives).
SERVER = """
import json, os, sys
from pathlib import Path
from tasks.backup import make_backup
from tasks.home import Home
from tasks.restore import restore_backup
from tests.support.backups import no_show
from tests.support.kills import Killer

def play(order):
    folder = Path(order["folder"])
    killer = Killer(folder, lambda number, _event: number == order["fatal"])
    killer.install()
    if order["what"] == "backup":
        make_backup(Home(folder / "home"), folder / "b.tar.zst", no_show, actor="ada")
    else:
        restore_backup(folder / "b.tar.zst", folder / "new", no_show, actor="ada")
    Path(order["answer"]).write_text(json.dumps(len(killer.events)))

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            play(json.loads(line))
            status = 0
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Play = Callable[[str, Path, int], tuple[int, int]]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Do it in a process of its own; its exit status, and how many durable operations a whole one made."""
    answer = tmp_path_factory.mktemp("answers") / "answer.json"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        asking, answering = server.stdin, server.stdout
        assert asking is not None
        assert answering is not None

        def play(what: str, folder: Path, fatal: int) -> tuple[int, int]:
            answer.write_text("0")
            order: dict[str, Any] = {"what": what, "folder": str(folder), "fatal": fatal, "answer": str(answer)}
            print(json.dumps(order), file=asking, flush=True)
            return int(answering.readline()), json.loads(answer.read_text())

        yield play
        asking.close()


def points(n_events: int, config: pytest.Config) -> list[int]:
    """Numbers of operations, spread evenly, the first and the last among them."""
    n_points = min(n_events, N_TORTURE_POINTS if config.getoption("--torture") else N_POINTS)
    return sorted({1 + round(place * (n_events - 1) / (n_points - 1)) for place in range(n_points)})


def test_a_killed_backup_is_absent_or_whole_and_the_next_one_is_made(
    play: Play, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    root, target = tmp_path / "home", tmp_path / "b.tar.zst"
    small_home(root).ledger.close()  # half a commit is what a power cut leaves: nobody has the ledger open then
    status, n_events = play("backup", tmp_path, 0)
    assert status == 0
    target.unlink()
    for point in points(n_events, pytestconfig):
        assert play("backup", tmp_path, point)[0] == -signal.SIGKILL, point
        if target.exists():
            assert verify_backup(target, no_show).verified, point
            target.unlink()
        check_whole(root)
        assert play("backup", tmp_path, 0)[0] == 0, point
        assert verify_backup(target, no_show).verified
        assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.zst", "home"], point
        assert [path.name for path in root.iterdir() if path.name.startswith(".")] == [], point
        target.unlink()


def test_a_killed_restoring_leaves_no_home_or_the_whole_one_and_the_next_one_succeeds(
    play: Play, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    with small_home(tmp_path / "home").ledger:
        make_backup(Home(tmp_path / "home"), tmp_path / "b.tar.zst", no_show, actor="ada")
    new = tmp_path / "new"
    status, n_events = play("restore", tmp_path, 0)
    assert status == 0
    for point in points(n_events, pytestconfig):
        _take_away(new, tmp_path / f"away-{point}")
        assert play("restore", tmp_path, point)[0] == -signal.SIGKILL, point
        if new.exists():
            check_restored(new)
            _take_away(new, tmp_path / f"whole-{point}")
        assert play("restore", tmp_path, 0)[0] == 0, point
        check_restored(new)
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], point


def check_restored(root: Path) -> None:
    check_whole(root)
    home = Home(root)
    with home.ledger as ledger:
        assert [entry.action for entry in audit_log.entries(ledger)] == ["home-restored"]
    assert len(home.datasets.refs()) == 1


def _take_away(folder: Path, place: Path) -> None:
    if folder.exists():
        os.rename(folder, place)
