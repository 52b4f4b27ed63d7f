"""Plays parts in forks of its own, which are disturbed.

Imports everything once, then serves lines of JSON: ``inputs``, ``home``, ``part``, ``prepare`` (whether it is what the
part needs that is played), and ``processes``, a list of disturbances, one for each process; all begin at once. Answers
with a list: of each process its exit status, the error it ended with, and after a whole play its operations.
"""

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.parts import PARTS, write_all_inputs
from tests.support import days, embedder, wheel
from tests.support.disturbances import Disturbance
from tests.support.forks import play_at_once, serve


def warm_up() -> None:
    """Fill the caches of code fingerprints, fonts and compiled SQL; opens no index, whose threads no fork survives."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MILLRACE_HOME"] = folder
        os.chdir(folder)
        wheel.import_file(write_all_inputs(Path(folder)) / "traces.jsonl")
        wheel.decide_week()
        days.evaluate(0)
        os.chdir("/")


def play(order: dict[str, Any], disturbance: Disturbance) -> dict[str, Any]:
    """One part in this process, which may not outlive it."""
    home, part = Path(order["home"]), PARTS[order["part"]]
    os.environ["MILLRACE_HOME"] = str(home)
    os.chdir(home)
    watcher = disturbance.install(home)
    (part.prepare if order["prepare"] else part.play)(Path(order["inputs"]), home)
    return {"events": watcher.events}


def answer(order: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    disturbances = [Disturbance(**each) for each in order["processes"]]
    return play_at_once([partial(play, order, each) for each in disturbances], folder)


if __name__ == "__main__":
    embedder.install()
    warm_up()
    serve(answer)
