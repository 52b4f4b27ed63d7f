"""Freezes a release in children of its own that are killed at a given operation.

Imports everything once, then serves lines of JSON: ``home`` (a prepared one), ``repository``, and ``fatal`` (number of
the operation under the home to die at, 0 for none). Each is played by a fork, so that a killed freeze costs no imports.
Answers with a line of JSON: the child's exit status, and the operations it made.
"""

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tasks.home import Home
from tests.support.distilled import decide, freeze, new_repository, prepare
from tests.support.kills import Event, Killer

QUICK = [{"name": "acceptance", "argv": ["true"]}, {"name": "audit", "argv": ["true"]}]


def play(order: dict[str, Any]) -> list[Event]:
    """Ask, decide, publish, tag; entered again it goes on from wherever it was killed."""
    os.environ["MILLRACE_HOME"] = order["home"]
    os.chdir(order["home"])
    killer = Killer(Path(order["home"]), lambda number, _event: number == order["fatal"])
    killer.install()
    freeze(repository=order["repository"], gates=QUICK)
    decide()
    freeze(repository=order["repository"], gates=QUICK)
    return killer.events


def in_a_fork(order: dict[str, Any], answer: Path) -> dict[str, Any]:
    answer.write_text("[]")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            answer.write_text(json.dumps(play(order)))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"status": status, "events": json.loads(answer.read_text())}


def warm_up(folder: Path) -> None:
    """Fill the caches of fingerprints, templates and compiled SQL."""
    home = folder / "warm"
    home.mkdir()
    os.environ["MILLRACE_HOME"] = str(home)
    os.chdir(home)
    prepare(Home(home))
    repository = new_repository(folder / "repository")
    freeze(repository=str(repository))
    decide()
    freeze(repository=str(repository))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        warm_up(Path(name))
        for line in sys.stdin:
            sys.stdout.write(json.dumps(in_a_fork(json.loads(line), Path(name, "answer.json"))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
