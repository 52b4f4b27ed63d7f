"""Twenty quiet days on real text, and one day whose passages were shuffled: which alerts are raised.

Questions made of a documentation's headings are answered offline; the traces are dealt out to the days at random, so
that no day differs from another but by chance. Then passages are shuffled between the questions of the last day.

Run: ``python -m benchmarks.quiet_days``; needs the real data beside the checkout.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.tables import spread, table

N_DAYS = 20
SEEDS = (1, 2)
_DOCS = Path(__file__).parents[1].parent / "shared" / "data" / "prefect_docs" / "3.0.0"
_FORMS = ("What is {heading} in {title}?", "How do I use {heading} in {title}?", "Explain {heading} of {title}")
_FIRST = datetime(2026, 10, 1, tzinfo=UTC)


def run() -> str:
    """Markdown: alerts of the quiet days and of the day with shuffled passages, by seed."""
    if not _DOCS.is_dir():
        return "Not measured: the real data are not beside this checkout."
    rows, took = [], []
    for seed in SEEDS:
        measured = _measure(seed)
        took += measured["seconds"]
        fired = [name for name, _ in measured["shuffled"]]
        rows.append(
            [
                str(seed),
                str(N_DAYS),
                str(measured["n_traces"]),
                ", ".join(f"day {day}: {name}" for day, name in measured["quiet"]) or "none",
                str(measured["n_anomalies"]),
                ", ".join(fired) or "none",
            ]
        )
    header = ["seed", "quiet days", "traces a day", "their alerts", "their anomalies", "alerts of the shuffled day"]
    return "\n\n".join([table(header, rows), f"Seconds to evaluate a day, called directly: {spread(took)}."])


def _measure(seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MILLRACE_HOME": f"{folder}/home", "PREFECT_HOME": f"{folder}/prefect"}
        command = [sys.executable, "-m", "benchmarks.quiet_days", "one-process", folder, str(seed)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _one_process(folder: Path, seed: int) -> dict[str, Any]:
    os.chdir(folder)
    rows = _traces(folder)
    random.Random(seed).shuffle(rows)  # noqa: S311  a draw, no secret
    size = len(rows) // (N_DAYS + 1)
    quiet, seconds, n_anomalies = [], [], 0
    for day in range(N_DAYS):
        report, took = _evaluated(folder, day, rows[day * size : (day + 1) * size])
        quiet += [(day, _alert(each)) for each in report["alerts"]]
        n_anomalies += len(report["anomalies"])
        seconds.append(took)
    last = rows[N_DAYS * size : (N_DAYS + 1) * size]
    contexts = [row["contexts"] for row in last]
    for place, row in enumerate(last):
        row["contexts"] = contexts[(place + size // 2) % size]
    report, _ = _evaluated(folder, N_DAYS, last)
    shuffled = [(_alert(each), each["alert"]["severity"]) for each in report["alerts"]]
    return {"quiet": quiet, "shuffled": shuffled, "n_traces": size, "seconds": seconds, "n_anomalies": n_anomalies}


def _traces(folder: Path) -> list[dict[str, Any]]:
    """Answered questions about the documentation, as rows of a trace file."""
    from flows.answer_questions import AnswerQuestionsConfig, answer_questions
    from flows.ingest_documents import IngestDocumentsConfig, ingest_documents
    from tasks.home import Home

    chunks = ingest_documents.fn(IngestDocumentsConfig(folder=str(_DOCS)), run_id="documents").read.chunks
    home = Home.from_environment()
    headed = home.datasets.open(chunks).to_arrow().select(["headings", "title"]).to_pylist()
    subjects = dict.fromkeys((row["headings"][-1], row["title"]) for row in headed if row["headings"])
    questions = [
        {
            "question_id": f"q{number}",
            "tenant_id": "default",
            "time": "2026-01-01T00:00:00Z",
            "question": form.format(heading=heading, title=title),
        }
        for number, (form, (heading, title)) in enumerate((form, each) for form in _FORMS for each in subjects)
    ]
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in questions))
    answered = answer_questions.fn(AnswerQuestionsConfig(file=str(file)), run_id="answers").traces
    kept = ("trace_id", "tenant_id", "question", "contexts", "answer", "citations", "status", "error", "route")
    table_ = home.datasets.open(answered).to_arrow().select(kept)
    return [{name: value for name, value in row.items() if value is not None} for row in table_.to_pylist()]


def _evaluated(folder: Path, day: int, rows: list[dict[str, Any]]) -> tuple[dict[str, Any], float]:
    from flows.daily_eval import DailyEvalConfig, daily_eval
    from flows.import_traces import ImportTracesConfig, import_traces

    midnight = _FIRST + timedelta(days=day)
    file = folder / f"day-{day}.jsonl"
    timed = [{**row, "time": (midnight + timedelta(seconds=place)).isoformat()} for place, row in enumerate(rows)]
    file.write_text("".join(json.dumps({**row, "trace_id": f"{day}-{row['trace_id']}"}) + "\n" for row in timed))
    import_traces.fn(ImportTracesConfig(file=str(file)), run_id=f"import-{day}")
    began = time.perf_counter()
    config = DailyEvalConfig(day=f"{midnight:%Y-%m-%d}", as_of=midnight + timedelta(hours=30))
    result = daily_eval.fn(config, run_id=f"day-{day}")
    return json.loads(Path(result.report.json_file).read_text()), time.perf_counter() - began


def _alert(reported: dict[str, Any]) -> str:
    alert = reported["alert"]
    return f"{alert['rule_id']}[{alert['label']}]" if alert["label"] else str(alert["rule_id"])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_one_process(Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        print(run())
