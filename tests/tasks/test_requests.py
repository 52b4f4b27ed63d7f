"""The request journal in the ledger: a process killed by SIGKILL pays at most the calls in flight again."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.errors import BadInputError
from millrace.ledger.requests import spending_of
from millrace.ledger.store import Ledger
from millrace.ports import ChatOutcome, ChatReply
from tasks.requests import LedgerJournal, request_journal
from tests.support.gateway import KEY, Play, PlayedGateway
from tests.support.gateway_client import ask, opened

ROOT = Path(__file__).parents[2]
N_REQUESTS = 120
CONCURRENCY = 8

CHILD = """
import sys
from millrace.adapters.gateway_settings import ConcurrencyLimits
from millrace.ledger.store import Ledger
from tasks.requests import LedgerJournal
from tests.support.gateway_client import ask, opened
url, path, n_requests, concurrency = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
limits = ConcurrencyLimits(start=concurrency, ceiling=concurrency)
with Ledger.open(path) as ledger, opened(url, journal=LedgerJournal(ledger, "r1"), limits=limits) as model:
    model.complete([ask(f"question {number}") for number in range(n_requests)])
"""
REPLY = ChatReply("main", "yes", None, False, (), 1.0, 10, 2, 0.5, None)


@dataclass
class Killed:
    """What is left of a process that was killed half way, and of the one that went on."""

    path: Path
    gateway: PlayedGateway
    n_paid_before: int
    n_durable_before: int
    texts: list[str]

    @property
    def asked_twice(self) -> set[str]:
        times = Counter(self.gateway.questions())
        assert max(times.values()) <= 2
        return {question for question, n_times in times.items() if n_times > 1}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    path = tmp_path_factory.mktemp("killed") / "ledger.sqlite"
    Ledger.open(path).close()
    numbered = PlayedGateway(lambda asked: Play(text=f"reply {asked.number}", n_input=1000, n_output=100), 0.03)
    with numbered as gateway:
        child = start(gateway.url, path)
        while len(gateway.requests) < N_REQUESTS // 2:
            assert child.poll() is None
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        time.sleep(0.2)  # requests on their way are read
        n_paid = len(gateway.requests)
        with Ledger.open(path) as ledger:
            n_durable = spending_of(ledger, "r1").n_replies
        yield Killed(
            path, gateway, n_paid, n_durable, [str(outcome.text) for outcome in completed(gateway, path, "r1")]
        )


@pytest.mark.faults
def test_a_killed_process_pays_at_most_the_calls_in_flight_again(killed: Killed) -> None:
    assert len(killed.asked_twice) == killed.n_paid_before - killed.n_durable_before
    assert len(killed.asked_twice) <= 2 * CONCURRENCY  # under way at the gateway, or being written
    assert len(killed.gateway.requests) == N_REQUESTS + len(killed.asked_twice)
    with Ledger.open(killed.path) as ledger:  # 120 times 1 000 x 2.50 and 100 x 10, by the million
        assert spending_of(ledger, "r1").cost_usd == pytest.approx(N_REQUESTS * 0.0035, rel=1e-12)


@pytest.mark.faults
def test_what_was_durable_at_the_kill_is_what_comes_out_in_the_end(killed: Killed) -> None:
    replies = {request.question: f"reply {request.number}" for request in killed.gateway.requests}  # the last of each
    assert killed.texts == [replies[f"question {number}"] for number in range(N_REQUESTS)]


@pytest.mark.faults
def test_a_run_that_was_finished_pays_nothing_when_repeated(killed: Killed) -> None:
    n_paid = len(killed.gateway.requests)
    outcomes = completed(killed.gateway, killed.path, "r2")
    assert [outcome.text for outcome in outcomes] == killed.texts
    assert all(outcome.usage.remembered for outcome in outcomes)
    assert len(killed.gateway.requests) == n_paid


@pytest.mark.faults
def test_neither_the_key_nor_a_question_lies_in_the_ledger(killed: Killed) -> None:
    stored = b"".join(file.read_bytes() for file in killed.path.parent.iterdir())
    assert b"reply 1" in stored
    assert KEY.encode() not in stored
    assert b"question 1" not in stored


def test_the_journal_notes_run_and_time(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        journal = LedgerJournal(ledger, "r7", lambda: datetime(2026, 1, 5, tzinfo=UTC))
        assert journal.put({"k": REPLY}) == {"k": REPLY} == journal.get(["k", "other"])
        with ledger.read() as connection:
            row = connection.exec_driver_sql("SELECT run_id, replied_at FROM requests").one()
    assert tuple(row) == ("r7", 1_767_571_200_000_000)


def test_a_journal_belongs_to_a_run() -> None:
    with pytest.raises(BadInputError, match="outside a flow"):
        request_journal()


def start(url: str, path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, url, str(path), str(N_REQUESTS), str(CONCURRENCY)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PREFECT_LOGGING_LEVEL": "ERROR"})


def completed(gateway: PlayedGateway, path: Path, run_id: str) -> list[ChatOutcome]:
    """What another process, this one, makes of the same requests on the same ledger."""
    with Ledger.open(path) as ledger, opened(gateway.url, journal=LedgerJournal(ledger, run_id)) as model:
        return model.complete([ask(f"question {number}") for number in range(N_REQUESTS)])
