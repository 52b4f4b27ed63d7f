"""Three Ragas metrics by judges behind a gateway of fixed latency: Millrace's gateway, and ragas' own ``evaluate``.

Each run is a process of its own, and so is the gateway. Run: ``python -m benchmarks.judges``
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.tables import table

N_TRACES = 500
N_LEGACY = 200  # ragas' own way takes its time
N_CONTEXTS = 3
CONCURRENCY = 32
LATENCY_S = 0.2
FAULTS = 0.05
MOST_S = 180.0  # for ragas' own way
_ROOT = Path(__file__).parents[1]

Measured = dict[str, Any]


def run(n_traces: int = N_TRACES) -> str:
    """Each way once: wall time over calls x latency / concurrency, then what became of traces under faults."""
    sizes = {MILLRACE: n_traces, LEGACY: min(n_traces, N_LEGACY)}
    rows = [_row(way, size, _measure(way, size)) for way, size in sizes.items()]
    names = ["traces", "calls", "seconds", "least", "ratio", "most at once", "CPU of the caller, ms a call"]
    faulty = [
        _fault_row(
            "of the requests, so that trying again helps", n_traces, _measure(MILLRACE, n_traces, faults=FAULTS)
        ),
        _fault_row(
            "of the prompts, however often they are asked", n_traces, _measure(MILLRACE, n_traces, lasting=FAULTS)
        ),
    ]
    return (
        table(["way", *names], rows)
        + f"\n\n{LATENCY_S * 1000:.0f} ms a call, {CONCURRENCY} at once; least: calls x latency / {CONCURRENCY} "
        f"(aim: a ratio of at most 1.35). {N_CONTEXTS} contexts a trace; MiniLM compares questions; replies journalled "
        "in a ledger by Millrace.\n\n"
        + table(["5 % faults", "rows expected", "rows", "scored", "failed, by reason", "calls", "seconds"], faulty)
        + "\n\nFaults in equal parts: status 500, no reply in time (1 s), half a JSON object, another schema, a cut "
        "connection."
    )


def _row(way: str, n_traces: int, measured: Measured) -> list[str]:
    if "error" in measured:
        return [way, str(n_traces), *["-"] * 5, measured["error"]]
    least_s = measured["n_requests"] * LATENCY_S / CONCURRENCY
    seconds, n_calls = measured["seconds"], measured["n_requests"]
    return [
        way,
        str(n_traces),
        str(n_calls),
        f"{seconds:.1f}",
        f"{least_s:.1f}",
        f"{seconds / least_s:.2f}",
        str(measured["peak_in_flight"]),
        f"{measured['cpu_s'] * 1000 / n_calls:.2f}",
    ]


def _fault_row(what: str, n_traces: int, measured: Measured) -> list[str]:
    reasons = ", ".join(f"{name} {n}" for name, n in sorted(measured["reasons"].items())) or "none"
    counts = [measured["n_rows"], measured["n_scored"]]
    return [
        what,
        str(3 * n_traces),
        *map(str, counts),
        reasons,
        str(measured["n_requests"]),
        f"{measured['seconds']:.1f}",
    ]


def _measure(way: str, n_traces: int, faults: float = 0.0, lasting: float = 0.0) -> Measured:
    with _gateway(faults, lasting) as url, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.judges", way, url, folder, str(n_traces), str(faults + lasting)]
        try:
            answer = subprocess.run(
                command,
                cwd=_ROOT,
                env=os.environ | {"XDG_DATA_HOME": folder},  # ragas' own way leaves a file there
                capture_output=True,
                text=True,
                check=True,
                timeout=None if way == MILLRACE else MOST_S,
            )
        except subprocess.TimeoutExpired:
            return {"error": f"not done after {MOST_S:.0f} s"} | _stats(url)
        measured: Measured = json.loads(answer.stdout.splitlines()[-1])
        return measured | _stats(url)


def _stats(url: str) -> Measured:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:  # noqa: S310 - a local address
        stats: Measured = json.load(reply)
    return stats


@contextmanager
def _gateway(faults: float, lasting: float) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.support.judge_replies", "--latency-ms", str(LATENCY_S * 1000)]
    command += ["--faults", str(faults), "--lasting-faults", str(lasting)]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.communicate()


def _texts(number: int) -> tuple[str, str, list[str]]:
    """Question, answer and contexts of a trace; lengths as in documentation, some 100 words a context."""
    fact = f"Part {number} of the machine lasts {number % 17 + 2} years under normal use."
    filler = (
        "It is made of steel, is oiled once a month and can be ordered by its number at any workshop of the maker. "
    )
    contexts = [
        f"{fact if place == number % N_CONTEXTS else ''} {filler * 5}({number}/{place})" for place in range(N_CONTEXTS)
    ]
    return f"How long does part {number} last?", f"{fact} It is {number} cm long.", contexts


def _millrace(url: str, folder: Path, n_traces: int, *, faulty: bool) -> Callable[[], Measured]:
    from datetime import UTC, datetime

    from pydantic import SecretStr

    from blocks.embedder import open_embedder
    from blocks.judge import JudgesConfig, open_ragas_judges
    from millrace.adapters.gateway import Gateway
    from millrace.adapters.gateway_calls import GatewayConnection
    from millrace.adapters.gateway_settings import ConcurrencyLimits, GatewayModels, GatewayPatience, GatewaySettings
    from millrace.adapters.prices import PriceList, PriceTable
    from millrace.datasets.schema import table_of
    from millrace.evaluation.judged import judge_part
    from millrace.ledger.store import Ledger
    from millrace.records.evaluation import Reference
    from millrace.records.trace import RetrievedContext, Trace, utc
    from tasks.requests import LedgerJournal

    patience = GatewayPatience(total_s=1.0) if faulty else GatewayPatience()
    limits = ConcurrencyLimits(start=CONCURRENCY, ceiling=CONCURRENCY)
    settings = GatewaySettings(base_url=url, models=GatewayModels(main="gpt-4o-mini"), limits=limits, patience=patience)
    journal = LedgerJournal(Ledger.open(folder / "ledger.sqlite"), "bench")
    model = Gateway(GatewayConnection(settings, SecretStr("none")), PriceList(PriceTable(), datetime.now(UTC)), journal)
    judges = open_ragas_judges(model, open_embedder(), JudgesConfig())
    rows = []
    for number in range(n_traces):
        question, answer, texts = _texts(number)
        contexts = [RetrievedContext(context_id=f"{number}-{n}", text=text) for n, text in enumerate(texts)]
        rows.append(
            Trace(
                trace_id=f"t{number}",
                time=utc(2026, 1, 5),
                tenant_id="a",
                question=question,
                answer=answer,
                contexts=contexts,
            )
        )
    traces, references = table_of(Trace, rows), table_of(Reference, [])

    def judge() -> Measured:
        scores = judge_part(traces, judges=judges, tier="ragas", references=references)
        status = scores.column("status").to_pylist()
        assert scores.column("trace_id").to_pylist() == [row.trace_id for row in rows for _ in judges]
        assert faulty or set(status) == {"scored"}
        failed = [reason for reason in scores.column("reason").to_pylist() if reason]
        return {"n_rows": scores.num_rows, "n_scored": status.count("scored"), "reasons": Counter(failed)}

    return judge


def _legacy(url: str, folder: Path, n_traces: int, *, faulty: bool) -> Callable[[], Measured]:
    import millrace.adapters.quiet_judges  # noqa: F401, I001 - before ragas

    from blocks.embedder import open_embedder
    from langchain_openai import ChatOpenAI
    from ragas import EvaluationDataset, RunConfig, SingleTurnSample, aevaluate
    from ragas.embeddings.base import BaseRagasEmbeddings
    from ragas.llms import LangchainLLMWrapper
    from ragas.metrics import Faithfulness, LLMContextPrecisionWithoutReference, ResponseRelevancy

    embedder = open_embedder()

    class Embeddings(BaseRagasEmbeddings):
        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

        def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
            return [vector.tolist() for vector in embedder.embed(list(texts))]

        async def aembed_query(self, text: str) -> list[float]:
            return await asyncio.to_thread(self.embed_query, text)

        async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
            return await asyncio.to_thread(self.embed_documents, texts)

    samples = []
    for number in range(n_traces):
        question, answer, contexts = _texts(number)
        samples.append(SingleTurnSample(user_input=question, response=answer, retrieved_contexts=contexts))
    client = ChatOpenAI(model="gpt-4o-mini", base_url=url, api_key="none", temperature=0)

    def judge() -> Measured:
        result = asyncio.run(
            aevaluate(
                EvaluationDataset(samples),
                metrics=[Faithfulness(), LLMContextPrecisionWithoutReference(), ResponseRelevancy(strictness=3)],
                llm=LangchainLLMWrapper(client, bypass_n=True),
                embeddings=Embeddings(),
                run_config=RunConfig(max_workers=CONCURRENCY),
                show_progress=False,
            )
        )
        values = result.to_pandas().iloc[:, -3:]
        return {"n_rows": values.size, "n_scored": int(values.notna().sum().sum())}

    return judge


MILLRACE, LEGACY = "Millrace, Ragas' collections", "ragas' aevaluate, 32 workers"
WAYS = {MILLRACE: _millrace, LEGACY: _legacy}


def _child(way: str, url: str, folder: str, n_traces: str, faults: str) -> None:
    work = WAYS[way](url, Path(folder), int(n_traces), faulty=float(faults) > 0)
    began, cpu_began = time.perf_counter(), time.process_time()
    measured = work()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    print("\n" + json.dumps({"seconds": seconds, "cpu_s": cpu_s} | measured))


if __name__ == "__main__":
    if len(sys.argv) == 6:
        _child(*sys.argv[1:])
    else:
        print(run(*map(int, sys.argv[1:])))
