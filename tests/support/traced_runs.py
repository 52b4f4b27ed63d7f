"""A home with imported traces and a run that distils them with a file of reviews: real stages, receipts and files."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from flows.distill import DistillConfig, DistillResult, StreamFile, distill
from flows.import_traces import ImportTracesConfig, import_traces
from millrace.distillation.config import DecontaminationConfig

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
DISTILL, IMPORT = "distill-1", "import-1"
N_REVIEWS = 6  # even ones accepted, odd ones rejected, two of each task

RULES = {
    "version": 3,
    "extraction_roles": [],
    "otherwise": "no rule",
    "rules": [
        *(
            {
                "id": f"verdict-{verdict}",
                "category": verdict,
                "reason": "The verdict is {verdict}.",
                "when": {"marker": "verdict", "equals": verdict},
                "example": {"markers": {"verdict": verdict}},
                "counterexample": {"markers": {"verdict": "none"}},
            }
            for verdict in ("accepted", "rejected")
        ),
        {
            "id": "trace",
            "category": "accepted",
            "reason": "It is a trace.",
            "when": {"field": "stream", "equals": "traces"},
            "example": {"stream": "traces"},
            "counterexample": {"stream": "reviews"},
        },
    ],
}


def review(number: int, **changes: Any) -> dict[str, Any]:
    """A row of the file of reviews; mail addresses are taken out of it."""
    verdict = "rejected" if number % 2 else "accepted"
    row = {
        "evidence_id": f"review-{number}",
        "recorded_at": "2026-11-09T08:00:00Z",
        "run_id": "reviewing",
        "task_id": f"task-{number // 2}",
        "producer": "ada",
        "role": "reviewer",
        "prompt": f"Who runs pump {number // 2}?",
        "text": f"Pump {number // 2} is run by miller {number}; ask miller{number}@example.org.",
        "markers": [{"name": "verdict", "value": verdict, "number": None}],
    }
    return row | changes


def write_sources(folder: Path) -> Path:
    """``reviews.jsonl``, ``traces.jsonl`` and ``toy.yaml``, which scores them."""
    (folder / "toy.yaml").write_text(yaml.safe_dump(RULES))
    traces = [
        {
            "trace_id": f"t{n}",
            "time": "2026-11-10T08:00:00Z",
            "question": f"How old is mill {n}?",
            "answer": f"{n} years.",
        }
        for n in range(3)
    ]
    for name, rows in (("reviews.jsonl", [review(n) for n in range(N_REVIEWS)]), ("traces.jsonl", traces)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def import_file(folder: Path) -> None:
    import_traces.fn(ImportTracesConfig(file=str(folder / "traces.jsonl")), run_id=IMPORT)


def distil(folder: Path, run_id: str = DISTILL) -> DistillResult:
    """Run ``distill`` on the traces and the reviews, without a model."""
    config = DistillConfig(
        streams=["traces"],
        files=[StreamFile(file=str(folder / "reviews.jsonl"), tenant="mill")],
        scoring_rules=str(folder / "toy.yaml"),
        decontamination=DecontaminationConfig(near_match=False),
        reports_folder=str(folder / "reports"),
        as_of=NOW,
    )
    result: DistillResult = distill.fn(config, run_id=run_id)
    return result
