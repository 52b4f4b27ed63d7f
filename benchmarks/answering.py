"""Answering offline over a documentation tree: questions a second, and where the time goes.

The flow is called directly, without Prefect's engine, in a process of its own with an empty home. The questions are
made of the documentation's own headings: first "What is ...", with nothing in the caches, then "How do I use ...",
which no cache has seen either, while the sentences of the passages are known from the first: that is called warm.

Run: ``python -m benchmarks.answering [runs]``; needs the real data beside the checkout.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables import spread, table

N_RUNS = 3
AIM = 60  # questions a second, warm
_DOCS = Path(__file__).parents[1].parent / "shared" / "data" / "prefect_docs" / "3.0.0"
_FORMS = {"cold": "What is {heading} in {title}?", "warm": "How do I use {heading} in {title}?"}


def run(n_runs: int = N_RUNS) -> str:
    """Markdown: throughput of both passes, then milliseconds a question by stage."""
    if not _DOCS.is_dir():
        return "Not measured: the real data are not beside this checkout."
    measured = [_measure() for _ in range(n_runs)]
    passes = [
        [
            name,
            str(measured[0][name]["n_questions"]),
            str(n_runs),
            spread([each[name]["n_questions"] / each[name]["seconds"] for each in measured]),
            spread([each[name]["n_questions"] / each[name]["cpu_s"] for each in measured]),
            ", ".join(f"{status} {n}" for status, n in measured[0][name]["by_status"].items()),
        ]
        for name in _FORMS
    ]
    stages = [
        [stage, *(spread([each[name]["stages"][stage] for each in measured]) for name in _FORMS)]
        for stage in measured[0]["warm"]["stages"]
    ]
    peak = spread([each["peak_mib"] for each in measured])
    return "\n\n".join(
        [
            table(["pass", "questions", "n", "questions/s", "questions/s of processor time", "ended"], passes),
            table(["stage, ms a question", *_FORMS], stages),
            f"Aim: {AIM} questions/s warm. Reading, screening and counting are in the throughput, and in no stage. "
            f"Peak memory, model and index included: {peak} MiB.",
        ]
    )


def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "MILLRACE_HOME": f"{home}/home", "PREFECT_HOME": f"{home}/prefect"}
        command = [sys.executable, "-m", "benchmarks.answering", "one-process", home]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _one_process(folder: Path) -> dict[str, Any]:
    from flows.ingest_documents import IngestDocumentsConfig, ingest_documents

    ingested = ingest_documents.fn(IngestDocumentsConfig(folder=str(_DOCS)), run_id="documents")
    subjects = _subjects(ingested.read.chunks)
    measured: dict[str, Any] = {name: _answered(name, form, subjects, folder) for name, form in _FORMS.items()}
    return measured | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _subjects(chunks: Any) -> list[tuple[str, str]]:
    """Different headings with the titles they stand under, in order."""
    from tasks.home import Home

    table = Home.from_environment().datasets.open(chunks).to_arrow().select(["headings", "title"])
    found = ((row["headings"][-1], row["title"]) for row in table.to_pylist() if row["headings"])
    return list(dict.fromkeys(found))


def _answered(name: str, form: str, subjects: Sequence[tuple[str, str]], folder: Path) -> dict[str, Any]:
    from flows.answer_questions import AnswerQuestionsConfig, answer_questions
    from tasks.home import Home

    rows = [
        {
            "question_id": f"{name}-{number}",
            "tenant_id": "default",
            "time": "2026-11-10T00:00:00Z",
            "question": form.format(heading=heading, title=title),
        }
        for number, (heading, title) in enumerate(subjects)
    ]
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    began, cpu = time.perf_counter(), time.process_time()
    result = answer_questions.fn(AnswerQuestionsConfig(file=str(file)), run_id=name)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    stages: dict[str, float] = {}
    for part in Home.from_environment().datasets.open(result.traces).parts(measured=True):
        for timings in part.column("timings").to_pylist():
            for timing in timings:
                stages[timing["name"]] = stages.get(timing["name"], 0.0) + timing["duration_ms"] / len(rows)
    by_status = result.outcomes.by_status
    return {"n_questions": len(rows), "seconds": seconds, "cpu_s": cpu_s, "stages": stages, "by_status": by_status}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["one-process", folder]:
            print(json.dumps(_one_process(Path(folder))))
        case [n_runs]:
            print(run(int(n_runs)))
        case _:
            print(run())
