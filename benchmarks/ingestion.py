"""Ingestion of a documentation tree, then of its next release over it: what is embedded, what is reused, how fast.

The flow is called directly, without Prefect's engine. Its throughput is set beside that of the embedder alone on the
same texts in the same process; each run is a process of its own with an empty home, which has ingested one small file
before, so that imports and the code's fingerprint are counted with loading. Processor time is given beside the clock's,
which on a busy machine says little.

Run: ``python -m benchmarks.ingestion [runs]``; needs the real data beside the checkout.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables import spread, table

N_RUNS = 3
_DOCS = Path(__file__).parents[1].parent / "shared" / "data" / "prefect_docs"
_RELEASES = ("2.20.0", "3.0.0", "3.0.0")  # one over the other; the last is unchanged
_COUNTS = (
    *("n_documents", "n_new", "n_changed", "n_unchanged", "n_removed"),
    *("n_chunks_embedded", "n_chunks_reused", "n_chunks_removed"),
)
_STEPS = ("read-documents", "embed-chunks", "measure-changes", "publish-index")


def run(n_runs: int = N_RUNS) -> str:
    """Markdown: counts and times of each ingestion, then throughputs with their ratio."""
    if not _DOCS.is_dir():
        return "Not measured: the real data are not beside this checkout."
    measured = [_measure() for _ in range(n_runs)]
    releases = [[each["releases"][place] for each in measured] for place in range(len(_RELEASES))]
    names = [f"{_RELEASES[0]}, empty home", f"{_RELEASES[1]} over it", f"{_RELEASES[2]} again"]
    counts = table(
        ["ingested", *(name.removeprefix("n_").replace("_", " ") for name in _COUNTS)],
        [[name, *(str(found[0][count]) for count in _COUNTS)] for name, found in zip(names, releases, strict=True)],
    )
    times = table(
        ["ingested", "n", "seconds", *(f"{step}, s" for step in _STEPS)],
        [_times(name, found) for name, found in zip(names, releases, strict=True)],
    )
    return "\n\n".join([counts, times, _throughputs(measured)])


def _times(name: str, found: Sequence[dict[str, Any]]) -> list[str]:
    steps = [spread([each["steps"][step] for each in found]) for step in _STEPS]
    return [name, str(len(found)), spread([each["seconds"] for each in found]), *steps]


def _throughputs(measured: Sequence[dict[str, Any]]) -> str:
    n_texts = measured[0]["n_texts"]
    alone, flow = ([each["alone"] for each in measured], [each["releases"][0] for each in measured])
    whole = [_sum(each["starting"], each["releases"][0]) for each in measured]
    ways = (("embedder alone, one call", alone), ("whole flow", flow), ("whole flow with start and model", whole))
    rows = [
        [
            name,
            *(spread([n_texts / each[clock] for each in found]) for clock in ("seconds", "cpu_s")),
            *(spread(_ratios(alone, found, clock)) for clock in ("seconds", "cpu_s")),
        ]
        for name, found in ways
    ]
    header = [
        f"{n_texts} chunks of {_RELEASES[0]}",
        "chunks/s",
        "chunks/s of processor time",
        "ratio",
        "ratio, processor",
    ]
    peak = spread([each["peak_mib"] for each in measured])
    return f"{table(header, rows)}\n\nAim: a ratio of at least 0.85. Peak memory, model included: {peak} MiB."


def _ratios(alone: Sequence[dict[str, float]], found: Sequence[dict[str, float]], clock: str) -> list[float]:
    return [own[clock] / other[clock] for own, other in zip(alone, found, strict=True)]


def _sum(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    return {clock: first[clock] + second[clock] for clock in ("seconds", "cpu_s")}


def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "MILLRACE_HOME": f"{home}/home", "PREFECT_HOME": f"{home}/prefect"}
        command = [sys.executable, "-m", "benchmarks.ingestion", "one-process"]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _one_process() -> dict[str, Any]:
    from millrace.adapters.minilm import MiniLmEmbedder

    starting = _taken(_start)
    texts = _texts()
    alone = MiniLmEmbedder.load()  # not the flow's own, which remembers vectors
    alone.embed(["warm"])
    measured = {"n_texts": len(texts), "starting": starting, "alone": _taken(lambda: alone.embed(texts))}
    measured["releases"] = [_ingest(number, release) for number, release in enumerate(_RELEASES)]
    return measured | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _start() -> None:
    """What a process does once: imports, the code's fingerprint, the ledger, the model."""
    from flows.ingest_documents import IngestDocumentsConfig, ingest_documents

    with tempfile.NamedTemporaryFile("w", suffix=".md") as file:
        file.write("A small text.")
        file.flush()
        ingest_documents.fn(IngestDocumentsConfig(folder=file.name, index="small"), run_id="small")


def _texts() -> list[str]:
    """What the flow embeds of the first release: the same settings, redaction included."""
    from flows.ingest_documents import IngestDocumentsConfig
    from millrace.ingestion.chunks import chunk_documents
    from millrace.ingestion.document_batches import read_documents
    from millrace.ingestion.redaction import redact_documents
    from millrace.methods.redaction import Redactor
    from tasks.tables import redaction_rules

    config = IngestDocumentsConfig(folder="any")
    documents, _ = read_documents(_DOCS / _RELEASES[0], tenant_id=config.tenant, user_id=config.owner)
    redacted = redact_documents(documents, Redactor(redaction_rules(config.redaction_rules)))
    return [chunk.searchable() for chunk in chunk_documents(redacted, config.chunking)[0]]


def _ingest(number: int, release: str) -> dict[str, Any]:
    from flows.ingest_documents import IngestDocumentsConfig, ingest_documents
    from tasks.home import Home
    from tasks.receipts import read_receipts

    config = IngestDocumentsConfig(folder=str(_DOCS / release))
    results: list[Any] = []
    taken = _taken(lambda: results.append(ingest_documents.fn(config, run_id=f"run-{number}")))
    receipts = read_receipts(Home.from_environment().run_folder(f"run-{number}"))
    steps = {receipt.step: receipt.duration_s for receipt in receipts}
    counts: dict[str, Any] = results[0].changes.model_dump()
    return counts | taken | {"steps": steps}


def _taken(work: Callable[[], object]) -> dict[str, float]:
    start, cpu_start = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - start, "cpu_s": time.process_time() - cpu_start}


if __name__ == "__main__":
    if sys.argv[1:] == ["one-process"]:
        print(json.dumps(_one_process()))
    else:
        print(run(*(int(argument) for argument in sys.argv[1:])))
