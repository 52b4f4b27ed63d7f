"""The groundedness scorer's throughput: traces per second, model loaded, passages repeating as in real traffic."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from benchmarks.tables import spread, table
from benchmarks.traces import write_traces
from blocks.embedder import open_embedder
from millrace.ingestion.mapping import load_mapping
from millrace.ingestion.trace_import import ImportSettings, import_traces
from millrace.methods.groundedness import score_groundedness
from millrace.methods.redaction import Redactor
from tasks.sources import table_path
from tasks.tables import groundedness_model, redaction_rules

N_TRACES = 3_000
N_RUNS = 3


def run(n_traces: int = N_TRACES, n_runs: int = N_RUNS) -> str:
    """One warm-up over other traces, then runs over traces not seen before; a Markdown table."""
    embedder, model = open_embedder(), groundedness_model()
    score_groundedness(_traces(300, seed=-1), embedder=embedder, model=model)
    speeds, undecided = [], []
    for seed in range(n_runs):
        traces = _traces(n_traces, seed)
        began = time.perf_counter()
        scores = score_groundedness(traces, embedder=embedder, model=model)
        speeds.append(n_traces / (time.perf_counter() - began))
        undecided.append(_share_embedded(scores))
    rows = [["embedded groundedness", str(n_runs), str(n_traces), spread(speeds), spread(undecided)]]
    header = ["scorer", "runs", "traces a run", "traces/s", "share of sentences that needed vectors"]
    return table(header, rows) + "\n\nAim: 300 traces/s on two cores with warm caches."


def _traces(n_traces: int, seed: int) -> pa.Table:
    settings = ImportSettings(
        load_mapping(table_path("millrace", "mappings")), Redactor(redaction_rules()), datetime(2026, 11, 9, tzinfo=UTC)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.jsonl"
        write_traces(path, n_traces, seed)
        return pa.concat_tables([batch.traces for batch in import_traces(path, settings)])


def _share_embedded(scores: pa.Table) -> float:
    sentences = [sentence for row in scores.column("sentences").to_pylist() for sentence in row]
    return sum(sentence["level"] == "embedding" for sentence in sentences) / max(1, len(sentences))


if __name__ == "__main__":
    print(run())
