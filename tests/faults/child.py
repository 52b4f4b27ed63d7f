"""Turns the wheel in children of its own that are killed at a given operation.

Imports everything once, then serves lines of JSON: ``inputs``, ``home``, ``fatal`` (number of the operation to die at,
0 for none) and ``part`` of the turn. Each is played by a fork, so that a killed turn costs no imports. Answers with a
line of JSON: the child's exit status, and after a whole turn the operations it made.
"""

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

from tests.support import acceptance, days, embedder, inputs, wheel
from tests.support.kills import Event, Killer

_PARTS = {
    "turn": wheel.turn,
    "bring_in": wheel.bring_in,
    "day": days.a_bad_day,
    "distil": lambda _inputs, home: acceptance.distilled_in(home),
}


def warm_up() -> None:
    """Fill the caches of code fingerprints, fonts and compiled SQL; opens no index, whose threads no fork survives."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MILLRACE_HOME"] = folder
        os.chdir(folder)
        wheel.import_file(inputs.write_inputs(Path(folder)) / "traces.jsonl")
        wheel.week()
        wheel.answer_tasks()
        wheel.approve()
        wheel.week()
        days.evaluate(0)
        os.chdir("/")


def play(order: dict[str, object]) -> list[Event]:
    """One turn in this process, which may not outlive it."""
    home = Path(str(order["home"]))
    os.environ["MILLRACE_HOME"] = str(home)
    killer = Killer(home, lambda number, _event: number == order["fatal"])
    killer.install()
    part = _PARTS[str(order["part"])]
    part(Path(str(order["inputs"])), home)
    return killer.events


def in_a_fork(order: dict[str, object], answer_file: Path) -> dict[str, object]:
    answer_file.write_text("[]")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            answer_file.write_text(json.dumps(play(order)))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"status": status, "events": json.loads(answer_file.read_text())}


def main() -> None:
    embedder.install()
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            answer = in_a_fork(json.loads(line), Path(folder, "answer.json"))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
