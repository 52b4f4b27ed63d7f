"""The gateway's client against a local gateway with a fixed latency, beside a bare AsyncOpenAI with a semaphore.

Each run is a process of its own, and so is the gateway. Run: ``python -m benchmarks.gateway``
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.tables import spread, table

N_REQUESTS = 2_000
CONCURRENCY = 32
LATENCY_S = 0.3
N_RUNS = 3
_ROOT = Path(__file__).parents[1]


def run(n_requests: int = N_REQUESTS, n_runs: int = N_RUNS) -> str:
    """Interleaved runs of all ways: wall time over the least there can be, and peak memory."""
    least_s = n_requests * LATENCY_S / CONCURRENCY
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(n_runs):
        for way in WAYS:
            measured[way].append(_measure(way, n_requests))
    rows = [
        [
            way,
            str(n_runs),
            spread([one["seconds"] for one in runs]),
            spread([one["seconds"] / least_s for one in runs]),
            spread([one["cpu_s"] * 1000 / n_requests for one in runs]),
            spread([one["peak_mib"] for one in runs]),
            spread([one["grown_mib"] for one in runs]),
        ]
        for way, runs in measured.items()
    ]
    names = ["seconds", "ratio to the least", "CPU of the caller, ms a call", "peak memory, MiB", "of it by the calls"]
    return (
        table(["way", "n", *names], rows)
        + f"\n\n{n_requests} calls of {LATENCY_S * 1000:.0f} ms, {CONCURRENCY} at once: {least_s:.2f} s at the least "
        "(aim: a ratio of at most 1.2)."
    )


def _measure(way: str, n_requests: int) -> dict[str, float]:
    with _gateway() as url, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.gateway", way, url, folder, str(n_requests)]
        answer = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(answer.stdout)
    return measured


@contextmanager
def _gateway() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.support.gateway", "--latency-ms", str(LATENCY_S * 1000)]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.communicate()


def _millrace(url: str, folder: Path, n_requests: int, *, journalled: bool) -> Callable[[], int]:
    from pydantic import SecretStr

    from millrace.adapters.gateway import Gateway
    from millrace.adapters.gateway_calls import GatewayConnection
    from millrace.adapters.gateway_settings import ConcurrencyLimits, GatewayModels, GatewaySettings
    from millrace.adapters.prices import PriceList, PriceTable
    from millrace.ledger.store import Ledger
    from millrace.ports import ChatMessage, ChatRequest
    from tasks.requests import LedgerJournal

    limits = ConcurrencyLimits(start=CONCURRENCY, ceiling=CONCURRENCY)
    settings = GatewaySettings(base_url=url, models=GatewayModels(main="gpt-4o-mini"), limits=limits)
    journal = LedgerJournal(Ledger.open(folder / "ledger.sqlite"), "bench") if journalled else None
    prices = PriceList(PriceTable(), datetime.now(UTC))
    model = Gateway(GatewayConnection(settings, SecretStr("none")), prices, journal)
    requests = [ChatRequest((ChatMessage("user", text),), purpose="bench") for text in _questions(n_requests)]
    return lambda: sum(outcome.text is not None for outcome in model.complete(requests))


def _bare_client(url: str, folder: Path, n_requests: int) -> Callable[[], int]:
    from openai import AsyncOpenAI

    async def ask_all() -> int:
        free = asyncio.Semaphore(CONCURRENCY)
        async with AsyncOpenAI(base_url=url, api_key="none") as client:

            async def ask(text: str) -> bool:
                async with free:
                    reply = await client.chat.completions.create(
                        model="gpt-4o-mini", messages=[{"role": "user", "content": text}], max_tokens=512, temperature=0
                    )
                return reply.choices[0].message.content is not None

            return sum(await asyncio.gather(*(ask(text) for text in _questions(n_requests))))

    return lambda: asyncio.run(ask_all())


WAYS: dict[str, Callable[[str, Path, int], Callable[[], int]]] = {
    "AsyncOpenAI and a semaphore": _bare_client,
    "Millrace, no journal": lambda url, folder, n: _millrace(url, folder, n, journalled=False),
    "Millrace, journalled": lambda url, folder, n: _millrace(url, folder, n, journalled=True),
}


def _questions(n_requests: int) -> list[str]:
    return [f"Question {number}: {'what does this passage say? ' * 20}" for number in range(n_requests)]


def _child(way: str, url: str, folder: str, n_requests: str) -> None:
    work = WAYS[way](url, Path(folder), int(n_requests))
    before_mib, began, cpu_began = _peak_mib(), time.perf_counter(), time.process_time()
    n_replies = work()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    assert n_replies == int(n_requests)
    grown_mib = _peak_mib() - before_mib
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s, "peak_mib": _peak_mib(), "grown_mib": grown_mib}))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) == 5:
        _child(*sys.argv[1:])
    else:
        print(run(*map(int, sys.argv[1:])))
