"""A process killed by SIGKILL before any of its statements leaves a ledger that it can go on with."""

import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.ledger.annotations import annotations_for
from millrace.ledger.journal import effects_of
from millrace.ledger.pins import pins_of
from millrace.ledger.pointers import pointer_history_of
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import task_history, tasks

pytestmark = pytest.mark.faults

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)

# Serves "path n" lines: forks a child that plays a turn and is killed before its n-th statement or commit (0: never),
# then answers with the child's exit status and its number of statements.
SERVER = """
import os, signal, sys
from datetime import UTC, datetime
from sqlalchemy import Engine, event
from millrace.ledger import annotations, journal, pins, pointers, queue
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
n_statements = 0

def count(*_):
    global n_statements
    n_statements += 1
    if n_statements == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", count)
event.listen(Engine, "commit", count)

def turn(path):
    with Ledger.open(path) as ledger:
        pins.pin_all(ledger, "r1", {"window": [1, 2], "seed": 7})
        proposed = [
            NewTask(task_id=str(n), question_key=str(n), tenant_id="t", position=n, payload=n) for n in range(20)
        ]
        if journal.begin_effect(ledger, "enqueue", "enqueue", "r1", T0).status == "intended":
            result = queue.enqueue(ledger, proposed, "r1", T0)
            journal.finish_effect(ledger, "enqueue", result.model_dump(), T0)
        for n in range(2):
            annotations.submit(ledger, str(n), "ada", "good", T0)
        if journal.begin_effect(ledger, "publish", "publish", "r1", T0).status == "intended":
            with ledger.write():
                pointers.set_pointer(ledger, "golden", "1.0.0", T0, "r1")
                journal.finish_effect(ledger, "publish", None, T0)

for line in sys.stdin:
    path, fatal = line.split()[0], int(line.split()[1])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        turn(path)
        os.write(writer, str(n_statements).encode())
        os._exit(0)
    os.close(writer)
    counted = os.read(reader, 16).decode() or "0"
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), counted, flush=True)
"""
Start = Callable[..., subprocess.Popen[str]]
State = list[object]


def state(path: Path) -> State:
    with Ledger.open(path) as ledger:
        return [
            pins_of(ledger, "r1"),
            [task.model_dump() for task in tasks(ledger)],
            [entry.model_dump() for entry in task_history(ledger)],
            [entry.model_dump() for entry in annotations_for(ledger)],
            [entry.model_dump() for entry in effects_of(ledger, "r1")],
            [entry.model_dump() for entry in pointer_history_of(ledger, "golden")],
        ]


def check_whole(path: Path) -> None:
    """What belongs together is there together: never a task without its event, nor half of the pins."""
    with Ledger.open(path) as ledger:
        with ledger.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert set(pins_of(ledger, "r1")) in (set(), {"window", "seed"})
        assert len(tasks(ledger)) in (0, 20)
        events = [entry.event for entry in task_history(ledger)]
        assert events.count("enqueued") == len(tasks(ledger))
        assert events.count("submitted") == len(annotations_for(ledger)) == len(tasks(ledger, status="completed"))
        done = {effect.key for effect in effects_of(ledger, "r1") if effect.status == "done"}
        assert ("publish" in done) == (pointer_history_of(ledger, "golden") != [])


def test_a_killed_turn_is_whole_and_ends_like_an_undisturbed_one(start: Start, tmp_path: Path) -> None:
    server = start(SERVER)

    def turn(path: Path, fatal: int) -> tuple[int, int]:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{path} {fatal}\n")
        server.stdin.flush()
        status, counted = server.stdout.readline().split()
        return int(status), int(counted)

    undisturbed = tmp_path / "undisturbed.sqlite"
    status, n_statements = turn(undisturbed, 0)
    assert status == 0
    assert n_statements > 60
    expected = state(undisturbed)
    for number in range(1, n_statements + 1, 6):
        path = tmp_path / f"killed-{number}.sqlite"
        assert turn(path, number)[0] == -signal.SIGKILL
        check_whole(path)
        assert turn(path, 0)[0] == 0
        assert state(path) == expected
