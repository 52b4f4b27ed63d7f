"""Two real processes on one ledger; both wait for the starting signal, then run into one another."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from millrace.ledger.pointers import ABSENT, pointer_history_of, set_pointer
from millrace.ledger.queue import enqueue
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask, task_history, tasks

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
Start = Callable[..., subprocess.Popen[str]]

PREAMBLE = """
import json, sys
from datetime import UTC, datetime, timedelta
from millrace.errors import BadInputError
from millrace.ledger import annotations, pointers, queue
from millrace.ledger.store import Ledger
from millrace.ledger.tasks import NewTask
T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
path, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
ledger = Ledger.open(path)
"""


def race(start: Start, address: str, work: str) -> list[Any]:
    """Run the same work as processes p0 and p1 at once; each prints one JSON value."""
    processes = [start(PREAMBLE + work, address, name) for name in ("p0", "p1")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = []
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        results.append(json.loads(output))
    return results


def test_no_task_is_claimed_by_two(start: Start, address: str) -> None:
    proposed = [NewTask(task_id=str(n), question_key=str(n), tenant_id="t", position=n, payload=n) for n in range(60)]
    with Ledger.open(address) as ledger:
        enqueue(ledger, proposed, "r1", T0)
        work = """
claimed = []
while task := queue.claim_next(ledger, name, T0, T0 + timedelta(minutes=9)):
    claimed.append(task.task_id)
    annotations.submit(ledger, task.task_id, name, "good", T0)
print(json.dumps(claimed))
"""
        first, second = race(start, address, work)
        assert Counter(first + second) == Counter(task.task_id for task in proposed)
        events = Counter((entry.task_id, entry.event) for entry in task_history(ledger))
        assert set(events.values()) == {1}
        assert {task.status for task in tasks(ledger)} == {"completed"}


def test_a_task_for_two_is_answered_by_two_and_held_by_no_third(start: Start, address: str) -> None:
    proposed = [
        NewTask(task_id=str(n), question_key=str(n), tenant_id="t", position=n, payload=n, n_annotators=2)
        for n in range(20)
    ]
    with Ledger.open(address) as ledger:
        enqueue(ledger, proposed, "r1", T0)
        # Each process is two people who take turns: four ask for every task, two get it.
        work = """
answered, waiting = [], True
while waiting:
    waiting = False
    for person in (name + "a", name + "b"):
        if task := queue.claim_next(ledger, person, T0, T0 + timedelta(minutes=9)):
            annotations.submit(ledger, task.task_id, person, "good", T0)
            answered.append([task.task_id, person])
            waiting = True
print(json.dumps(answered))
"""
        first, second = race(start, address, work)
        pairs = [tuple(pair) for pair in first + second]
        assert len(pairs) == len(set(pairs))
        assert Counter(task_id for task_id, _ in pairs) == {task.task_id: 2 for task in proposed}
        assert {(task.status, task.n_answers) for task in tasks(ledger)} == {("completed", 2)}


def test_overlapping_weeks_ask_each_question_once(start: Start, address: str) -> None:
    # p0 proposes 0-99 in 10 calls, p1 50-149, under task ids of its own; the ledger does not exist before.
    work = """
first = 0 if name == "p0" else 50
added, asked = [], []
for low in range(first, first + 100, 10):
    proposed = [
        NewTask(task_id=f"{name}-{n}", question_key=str(n), tenant_id="t", position=n, payload=n)
        for n in range(low, low + 10)
    ]
    result = queue.enqueue(ledger, proposed, name, T0)
    added += result.added
    asked += result.already_asked
print(json.dumps([added, asked]))
"""
    (first_added, first_asked), (second_added, second_asked) = race(start, address, work)
    with Ledger.open(address, create=False) as ledger:
        standing = tasks(ledger)
    assert sorted(int(task.question_key) for task in standing) == list(range(150))
    assert sorted(first_added + second_added) == sorted(task.task_id for task in standing)
    assert len(first_asked) + len(second_asked) == 50  # the overlap, told to whoever came second
    assert set(first_asked) <= set(second_added)
    assert set(second_asked) <= set(first_added)


def test_of_two_publishers_one_wins_each_round(start: Start, address: str) -> None:
    with Ledger.open(address) as ledger:
        set_pointer(ledger, "index", 0, T0, "r0", expected=ABSENT)
        work = """
won = []
for number in range(30):
    try:
        pointers.set_pointer(ledger, "index", number + 1, T0, name, expected=number)
    except BadInputError:
        continue
    won.append(number + 1)
print(json.dumps(won))
"""
        first, second = race(start, address, work)
        assert not set(first) & set(second)
        history = [(entry.value, entry.run_id) for entry in pointer_history_of(ledger, "index")]
    reached = len(history) - 1
    assert [value for value, _ in history] == list(range(reached + 1))
    assert sorted(first + second) == list(range(1, reached + 1))
    assert [value for value, run_id in history if run_id == "p0"] == first
