"""Distillation of evidence generated from real answers: collect to exports, against a running Prefect server.

Every run is a process of its own with an empty home; the flow's own seconds are counted, without start and imports.
Hashing is the processor time inside the functions that hash rows, signatures and datasets, over that of the process.

Run: ``python -m benchmarks.distillation``; needs the real data beside the checkout.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.evidence import DATA, write_evidence
from benchmarks.prefect_server import prefect_server
from benchmarks.tables import spread, table

SIZES = (100_000, 1_000_000)
N_RUNS = 2
N_EVAL = 200
FILTERED = 200_000
_STEPS = (
    *("collect-evidence", "score-evidence", "find-contamination", "export-rag", "export-sft", "export-preference"),
    *("count-distillation", "publish-exports"),
)


def run(sizes: tuple[int, ...] = SIZES, n_runs: int = N_RUNS) -> str:
    """Markdown: throughput and memory by size, with and without meanings compared; steps; filter and export beside DuckDB."""
    if not DATA.is_dir():
        return "Not measured: the real data are not beside this checkout."
    with tempfile.TemporaryDirectory() as folder, prefect_server(Path(folder)) as api_url:
        evals = write_eval_questions(Path(folder) / "evals.jsonl")
        rows, steps = [], []
        for near in (False, True):
            for size in sizes:
                source = Path(folder) / f"evidence-{size}.jsonl"
                n_bytes = source.stat().st_size if source.is_file() else write_evidence(source, size)
                times = n_runs if not near else 1
                runs = [_measure(Path(folder) / f"{size}-{near}-{n}", source, evals, near, api_url) for n in range(times)]
                rows.append(_row(size, n_bytes, near, runs))
                steps.append([f"{size}{', meanings too' if near else ''}", *(f"{runs[0]['steps'][s]:.2f}" for s in _STEPS)])
        filtered = _filtered(Path(folder), api_url)
    return "\n\n".join(
        [
            table(
                ["records", "bytes a row", "meanings", "n", "seconds", "records/s", "peak MiB", "hashing, share of CPU"],
                rows,
            ),
            "Seconds by step, of the first run:\n\n" + table(["records", *_STEPS], steps),
            filtered,
        ]
    )


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


def _measure(home: Path, source: Path, evals: Path, near: bool, api_url: str) -> dict[str, Any]:
    (home / "prefect").mkdir(parents=True)
    environment = {
        **os.environ,
        "MILLRACE_HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_LOCAL_STORAGE_PATH": str(home / "results"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_API_URL": api_url,
    }
    command = [sys.executable, "-m", "benchmarks.distillation", str(source), str(evals), "near" if near else "far"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


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


def _filtered(folder: Path, api_url: str) -> str:
    """Filter and export alone, on rows of about 750 bytes, beside DuckDB doing the same to the same rows."""
    return ""


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(_one_run(sys.argv[1], sys.argv[2], sys.argv[3] == "near")))
    else:
        print(run())
