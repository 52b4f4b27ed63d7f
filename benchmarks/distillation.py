"""Distillation of evidence generated from real answers: collect to exports, against a running Prefect server.

Every run is a process of its own with an empty home; the flow's own seconds are counted, without start and imports.
Hashing is the processor time inside the functions that hash rows, signatures and datasets, over that of the process.

Run: ``python -m benchmarks.distillation``; needs the real data beside the checkout.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from benchmarks.evidence import DATA, write_evidence
from benchmarks.prefect_server import prefect_server
from benchmarks.tables import spread, table
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.distillation.config import SftConfig
from millrace.distillation.export_files import write_data
from millrace.distillation.streams import MillraceStreams
from millrace.records.evidence import Contamination
from tasks.home import Home
from tasks.run import FlowConfig, begun_run
from tasks.stage import stage

SIZES = (100_000, 1_000_000)
N_RUNS = 2
N_EVAL = 200
FILTERED = 200_000
_STEPS = (
    *("collect-evidence", "score-evidence", "find-contamination", "export-rag", "export-sft", "export-preference"),
    *("count-distillation", "publish-exports"),
)


def run(sizes: tuple[int, ...] = SIZES, n_runs: int = N_RUNS) -> str:
    """Markdown: throughput and memory by size, with and without meanings compared; steps; filter and export alone."""
    if not DATA.is_dir():
        return "Not measured: the real data are not beside this checkout."
    with tempfile.TemporaryDirectory() as folder, prefect_server(Path(folder)) as api_url:
        bench = _Bench(Path(folder), api_url)
        rows, steps = [], []
        for near in (False, True):
            for size in sizes:
                runs = [bench.measured(size, near, number) for number in range(1 if near else n_runs)]
                rows.append(_row(size, bench.bytes_of(size), near, runs))
                name = f"{size:,}{', meanings too' if near else ''}"
                steps.append([name, *(f"{runs[0]['steps'][step]:.2f}" for step in _STEPS)])
        filtered = bench.filtered()
    header = ["records", "bytes a row", "meanings", "n", "seconds", "records/s", "peak MiB", "hashing / CPU"]
    by_step = "Seconds by step, of the first run:\n\n" + table(["records", *_STEPS], steps)
    return "\n\n".join([table(header, rows), by_step, filtered])


class _Bench:
    """Sources, made once, and measuring processes."""

    def __init__(self, folder: Path, api_url: str) -> None:
        self._folder, self._api_url = folder, api_url
        self._evals = write_eval_questions(folder / "evals.jsonl")

    def source(self, size: int) -> Path:
        """A file of so many records."""
        path = self._folder / f"evidence-{size}.jsonl"
        if not path.is_file():
            write_evidence(path, size)
        return path

    def bytes_of(self, size: int) -> int:
        return self.source(size).stat().st_size

    def measured(self, size: int, near: bool, number: int) -> dict[str, Any]:
        """One run in a process and a home of its own."""
        home = self._folder / f"{size}-{near}-{number}"
        (home / "prefect").mkdir(parents=True)
        environment = {
            **os.environ,
            "MILLRACE_HOME": str(home),
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_LOCAL_STORAGE_PATH": str(home / "results"),
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_API_URL": self._api_url,
        }
        way = "near" if near else "far"
        command = [sys.executable, "-m", "benchmarks.distillation", str(self.source(size)), str(self._evals), way]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-4000:])
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        shutil.rmtree(home)
        return measured

    def filtered(self, n_runs: int = 3) -> str:
        """Filter and export alone, beside DuckDB writing the accepted rows of the same table."""
        ours, firewalled, duck = [], [], []
        with tempfile.TemporaryDirectory() as folder:
            home = Home(Path(folder))
            evidence, scores, table_file = _scored(home, self.source(FILTERED), Path(folder))
            for number in range(n_runs):
                seconds = _filter_and_export(home, evidence, scores, Path(folder), number)
                firewalled.append(seconds["filter"])
                ours.append(seconds["filter"] + seconds["export"])
                duck.append(_duckdb(table_file, Path(folder) / f"duck-{number}.jsonl"))
        rows = [
            ["export-sft: firewall, rows, quarantine, hashes", str(n_runs), spread(firewalled)],
            ["the same, and train.jsonl and train.parquet with their hashes", str(n_runs), spread(ours)],
            ["DuckDB: accepted rows of the same table as JSON lines, no checks", str(n_runs), spread(duck)],
        ]
        about = f"Filter and export of {FILTERED:,} records for fine-tuning, without Prefect:\n\n"
        return about + table(["what", "n", "seconds"], rows)


def _scored(home: Home, source: Path, folder: Path) -> tuple[DatasetRef, DatasetRef, Path]:
    """Evidence and scores of a home, and both as one Parquet file."""
    from tasks.evidence import FileStream, collect_evidence
    from tasks.scoring import score_evidence
    from tasks.sources import source_ref
    from tasks.tables import scoring_rules, stream_mapping

    with begun_run("bench", FlowConfig(), "scored", home):
        file = FileStream(source=source_ref(str(source)), mapping=stream_mapping("evidence"), tenant_id="default")
        evidence = collect_evidence(MillraceStreams(streams=[]), [file]).evidence
        scores = score_evidence(evidence, scoring_rules())
    table_file = folder / "scored.parquet"
    rows = home.datasets.open(evidence).to_arrow()
    category = home.datasets.open(scores).to_arrow().column("category")
    pq.write_table(rows.append_column("category", category), table_file)
    return evidence, scores, table_file


def _filter_and_export(
    home: Home, evidence: DatasetRef, scores: DatasetRef, folder: Path, number: int
) -> dict[str, float]:
    from tasks.parts import write_tables
    from tasks.training_data import export_sft

    @stage
    def nothing_contaminated() -> DatasetRef:
        return write_tables(contamination=arrow_schema(Contamination).empty_table())[0]

    with begun_run("bench", FlowConfig(), f"filtered-{number}", home):
        clean = nothing_contaminated()
        start = time.perf_counter()
        rows = export_sft(evidence, scores, clean, None, SftConfig()).rows
        filtered = time.perf_counter() - start
        (folder / str(number)).mkdir()
        start = time.perf_counter()
        write_data(folder / str(number), "sft", home.datasets.open(rows).parts())
        return {"filter": filtered, "export": time.perf_counter() - start}


def _duckdb(table_file: Path, out: Path) -> float:
    start = time.perf_counter()
    query = f"SELECT * FROM read_parquet('{table_file}') WHERE category = 'accepted'"  # noqa: S608 - our own path
    duckdb.execute(f"COPY ({query}) TO '{out}' (FORMAT json)")
    return time.perf_counter() - start


def write_eval_questions(path: Path, n_rows: int = N_EVAL) -> Path:
    """Questions of MTRAG's reference tasks, which none of the generated prompts is made of."""
    lines = (DATA / "mtrag" / "mtragun_reference.jsonl").read_text(encoding="utf-8").splitlines()[:n_rows]
    rows = [json.loads(line) for line in lines]
    questions = [row["input"][-1]["text"] if "input" in row else row["conversation"][-1]["text"] for row in rows]
    path.write_text("".join(json.dumps({"question": question}) + "\n" for question in questions))
    return path


def _row(size: int, n_bytes: int, near: bool, runs: list[dict[str, Any]]) -> list[str]:
    return [
        f"{size:,}",
        str(round(n_bytes / size)),
        "compared" if near else "left out",
        str(len(runs)),
        spread([each["seconds"] for each in runs]),
        spread([size / each["seconds"] for each in runs]),
        spread([each["peak_mib"] for each in runs]),
        spread([each["hashing_share"] for each in runs]),
    ]


def _one_run(source: str, evals: str, near: bool) -> dict[str, Any]:
    """The body of one measuring process."""
    from flows.distill import DistillConfig, distill
    from tasks.home import Home
    from tasks.receipts import read_receipts

    hashing = _count_hashing()
    config = DistillConfig.model_validate(
        {
            "as_of": "2026-10-01T00:00:00Z",
            "streams": [],
            "files": [{"file": source, "mapping": "evidence", "redacted": True}],
            "eval_files": [evals],
            "decontamination": {"near_match": near},
            "reports_folder": tempfile.mkdtemp(),
        }
    )
    start, cpu = time.perf_counter(), time.process_time()
    distill(config, run_id="bench")
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    receipts = read_receipts(Home.from_environment().run_folder("bench"))
    return {
        "seconds": seconds,
        "cpu": cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "hashing_share": hashing.seconds / cpu,
        "steps": {receipt.step: receipt.duration_s for receipt in receipts},
    }


class _Hashing:
    """Processor seconds of all threads inside what is wrapped."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                with self._lock:
                    self.seconds += time.thread_time() - start

        return wrapper


def _count_hashing() -> _Hashing:
    import millrace.datasets.dataset
    import millrace.datasets.store
    import millrace.distillation.evidence
    import millrace.distillation.export_files
    import tasks.sources
    from millrace.distillation.collect_lines import LineBlock

    hashing = _Hashing()
    for module, name in (
        (millrace.datasets.dataset, "table_hash"),
        (millrace.datasets.store, "table_hash"),
        (millrace.distillation.evidence, "sig_hashes"),
        (millrace.distillation.export_files, "file_sha256"),
        (tasks.sources, "_sha256"),
    ):
        setattr(module, name, hashing.timed(getattr(module, name)))
    row_hashes: Any = LineBlock.__dict__["row_hashes"]
    row_hashes.func = hashing.timed(row_hashes.func)
    return hashing


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(_one_run(sys.argv[1], sys.argv[2], sys.argv[3] == "near")))
    else:
        print(run())
