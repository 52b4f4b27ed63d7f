"""Tells the audit log from processes of its own, which may be killed at any durable operation.

Serves lines of JSON: ``home``, ``n`` entries, ``processes`` that tell them at once, ``anchor`` (a file outside), and
``fatal`` (number of the operation to die at, 0 for none). Answers with a list: of each process its exit status and
the operations that it made.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from tasks.audit_log import tell_audit_log, tell_once
from tasks.home import Home
from tests.support.forks import play_at_once, serve
from tests.support.kills import Killer


def _tell(order: dict[str, Any], teller: int) -> dict[str, Any]:
    os.environ["MILLRACE_AUDIT_ANCHOR"] = order["anchor"]
    home = Home(Path(order["home"]))
    killer = Killer(Path(order["home"]).parent, lambda number, _event: number == order["fatal"])
    killer.install()
    for number in range(order["n"]):
        subject, details = f"run-{teller}-{number}", {"n": number}
        if number % 2:
            tell_once(home, "approval-decided", actor="ada", subject=subject, details=details)
        else:
            tell_audit_log(home, "approval-asked", actor="ada", subject=subject, details=details)
    return {"events": killer.events}


def _answer(order: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    Home(Path(order["home"])).ledger.close()  # made here, so that nobody is killed while making it
    return play_at_once([partial(_tell, order, teller) for teller in range(order["processes"])], folder)


if __name__ == "__main__":
    serve(_answer)
