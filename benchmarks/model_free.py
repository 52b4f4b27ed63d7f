"""Throughput of the metrics that need no judge, on real traces mixed from MTRAG: ``python -m benchmarks.model_free``.

Every answer has its own wording, so that nothing is done once for all. All sentences are cited, all questions have
reference passages, and every tenth a reference answer.
Warm: the vectors of all texts are remembered, as when the groundedness of the same day was scored before.
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from benchmarks.tables import spread, table
from benchmarks.traces import write_traces
from blocks.embedder import MiniLmEmbedderBlock
from millrace.datasets.schema import arrow_schema
from millrace.evaluation.model_free import score_model_free
from millrace.evaluation.question_keys import question_keys
from millrace.ingestion.mapping import load_mapping
from millrace.ingestion.trace_import import ImportSettings, import_traces
from millrace.methods.groundedness import score_groundedness
from millrace.methods.redaction import Redactor
from millrace.methods.text import sentence_spans
from millrace.ports import Embedder
from millrace.records.evaluation import Reference
from millrace.records.trace import Trace
from tasks.sources import table_path
from tasks.tables import groundedness_model, redaction_rules

N_TRACES = 10_000
N_RUNS = 3
ResultT = TypeVar("ResultT")
CACHE_MB = 512  # of the embedder: enough for all vectors of the run


def run(n_traces: int = N_TRACES, n_runs: int = N_RUNS) -> str:
    """One process, one table of traces: a cold run, then warm ones; a Markdown table."""
    embedder, model = MiniLmEmbedderBlock(cache_mb=CACHE_MB).open(), groundedness_model()
    traces = _cited(_traces(n_traces))
    references = _references(traces)

    def ground() -> pa.Table:
        return score_groundedness(traces, embedder=embedder, model=model)

    embedder.embed(["warm up: the model is loaded"])
    cold_s, groundedness = _timed(ground)
    cold_metrics_s, _ = _timed(lambda: _metrics(traces, groundedness, embedder, references))
    warm = [
        (_timed(ground)[0], _timed(lambda: _metrics(traces, groundedness, embedder, references))[0])
        for _ in range(n_runs)
    ]
    halves = [traces.slice(0, n_traces // 2), traces.slice(n_traces // 2)]

    def score(part: pa.Table) -> pa.Table:
        grounded = score_groundedness(part, embedder=embedder, model=model)
        return _metrics(part, grounded, embedder, references)

    with ThreadPoolExecutor(len(halves)) as pool:
        threaded = [_timed(lambda: list(pool.map(score, halves)))[0] for _ in range(n_runs)]
    rows = [
        ["groundedness alone", f"{n_traces / cold_s:.0f}", spread([n_traces / first for first, _ in warm])],
        [
            "the other seven metrics",
            f"{n_traces / cold_metrics_s:.0f}",
            spread([n_traces / other for _, other in warm]),
        ],
        ["both", f"{n_traces / (cold_s + cold_metrics_s):.0f}", spread([n_traces / sum(pair) for pair in warm])],
        ["both, parts on two threads as in the flow", "-", spread([n_traces / seconds for seconds in threaded])],
    ]
    return (
        table(["metrics", "cold, traces/s", f"warm, traces/s, {n_runs} runs"], rows)
        + f"\n\n{n_traces} traces, one process. Aim: 1 000 traces/s on two cores with warm caches."
    )


def _timed(function: Callable[[], ResultT]) -> tuple[float, ResultT]:
    began = time.perf_counter()
    found = function()
    return time.perf_counter() - began, found


def _metrics(traces: pa.Table, groundedness: pa.Table, embedder: Embedder, references: pa.Table) -> pa.Table:
    return score_model_free(traces, groundedness, embedder=embedder, references=references)


def _traces(n_traces: int) -> pa.Table:
    settings = ImportSettings(
        load_mapping(table_path("millrace", "mappings")), Redactor(redaction_rules()), datetime(2026, 11, 9, tzinfo=UTC)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.jsonl"
        write_traces(path, n_traces)
        return pa.concat_tables([batch.traces for batch in import_traces(path, settings)])


def _cited(traces: pa.Table) -> pa.Table:
    """The traces with a citation for every sentence, of one passage after the other."""
    columns = (traces.column(name).to_pylist() for name in ("answer", "contexts"))
    citations = [
        [
            {"start": span.start, "end": span.end, "context_id": contexts[place % len(contexts)]["context_id"]}
            for place, span in enumerate(sentence_spans(answer))
            if contexts
        ]
        for answer, contexts in zip(*columns, strict=True)
    ]
    field = arrow_schema(Trace).field("citations")
    return traces.set_column(traces.column_names.index("citations"), field, pa.array(citations, field.type))


def _references(traces: pa.Table) -> pa.Table:
    """One for every question: one of its passages, and for every tenth the answer of another trace."""
    rows = traces.select(["tenant_id", "contexts", "answer"]).to_pylist()
    return pa.Table.from_pylist(
        [
            {
                "question_key": key,
                "tenant_id": row["tenant_id"],
                "expected_behaviour": "answer",
                "reference_answer": rows[place - 3]["answer"] if place % 10 == 0 else None,
                "reference_context_ids": [context["context_id"] for context in row["contexts"][:1]],
                "source": "benchmark",
            }
            for place, (key, row) in enumerate(zip(question_keys(traces), rows, strict=True))
        ],
        schema=arrow_schema(Reference),
    )


if __name__ == "__main__":
    print(run())
