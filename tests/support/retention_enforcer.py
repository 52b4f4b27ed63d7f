"""Runs retention for real in forks that are killed at a given operation.

Serves lines of JSON: ``home`` (one that :func:`old_home` made), and ``fatal`` (number of the operation under the home
to die at, 0 for none). Answers with the fork's exit status and the operations that it made.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from tasks.home import Home
from tests.support.approving import decide
from tests.support.forks import play_at_once, serve
from tests.support.kills import Killer
from tests.support.old_home import NOW, RUN, enforce, enforced, keep_reply, write_ratings


def old_home(home: Home) -> None:
    """Two datasets and exports past their time, a third that an export of another age does not keep, and replies."""
    for value, days in ((1, 31), (2, 40), (3, 29)):
        write_ratings(home, value, days=days)
    for name in ("old", "young"):
        folder = home.root / "exports" / name
        folder.mkdir(parents=True)
        (folder / "train.jsonl").write_text("{}\n")
    os.utime(home.root / "exports" / "old", (0, 0))
    keep_reply(home, "k" * 64, days=31)
    keep_reply(home, "y" * 64, days=29)


def _play(order: dict[str, Any]) -> dict[str, Any]:
    home = Home(Path(order["home"]))
    os.environ["MILLRACE_HOME"] = order["home"]
    os.chdir(order["home"])
    killer = Killer(home.root, lambda number, _event: number == order["fatal"])
    killer.install()
    enforce(home, dry_run=False)
    decide(home, RUN, at=NOW)
    enforce(home, dry_run=False)
    return {"events": killer.events}


def _answer(order: dict[str, Any], folder: Path) -> dict[str, Any]:
    return play_at_once([lambda: _play(order)], folder)[0]


def _warm_up(root: Path) -> None:
    """Fill the caches of fingerprints and compiled SQL, which every fork then has."""
    os.environ["MILLRACE_HOME"] = str(root)
    home = Home(root)
    old_home(home)
    enforced(home)
    home.ledger.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        _warm_up(Path(scratch) / "home")
        serve(_answer)
