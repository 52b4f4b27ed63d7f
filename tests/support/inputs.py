"""Small synthetic input for the whole wheel: documents, questions and traces, the same from the same seed."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

MONDAY = datetime(2026, 11, 9, tzinfo=UTC)  # of week 2026-W46
WEEK = "2026-W46"
AS_OF = "2026-11-16T06:00:00Z"

_SUBJECTS = ("pump", "valve", "turbine", "sluice", "gauge", "bearing", "filter", "motor")
_PROPERTIES = ("pressure", "warranty", "weight", "colour", "price", "lifetime", "torque", "noise")
_PLACES = ("north", "south", "harbour", "hill")


def write_inputs(folder: Path, n_traces: int = 40, seed: int = 7) -> Path:
    """Write ``documents/``, ``questions.jsonl`` and ``traces.jsonl`` there; returns the folder."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for subject in _SUBJECTS[:3]:
        (folder / "documents" / f"{subject}.md").write_text(_document(subject))
    write_lines(folder / "questions.jsonl", [_question(number) for number in range(6)])
    write_lines(folder / "traces.jsonl", [*synthetic_traces(n_traces, seed), {"trace_id": "without-a-question"}])
    return folder


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def synthetic_traces(n_traces: int, seed: int = 7, prefix: str = "trace") -> list[dict[str, Any]]:
    """Traces of two tenants over nine days, two of them after the week; grounded, invented, empty, failed ones."""
    numbers = random.Random(seed)
    return [_trace(number, numbers, prefix) for number in range(n_traces)]


def _trace(number: int, numbers: random.Random, prefix: str) -> dict[str, Any]:
    subject, aspect, place = numbers.choice(_SUBJECTS), numbers.choice(_PROPERTIES), numbers.choice(_PLACES)
    fact = f"The {aspect} of the {subject} in the {place} mill is {numbers.randint(10, 99)} units."
    invented = f"Our {numbers.choice(_PLACES)} office ships {numbers.randint(100, 999)} crates to Norway every winter."
    endings: list[dict[str, Any]] = [
        {"answer": fact},
        {"answer": invented},
        {"answer": f"{fact} {invented}"},
        {"answer": "I do not know.", "status": "abstained"},
        {"answer": None, "status": "failed", "error": "timeout"},
        {"answer": ""},
    ]
    chosen = numbers.choices(endings, weights=[6, 5, 3, 2, 1, 1])[0]
    return {
        "trace_id": f"{prefix}-{number:04d}",
        "time": (MONDAY + timedelta(minutes=numbers.randrange(9 * 24 * 60))).isoformat(),
        "tenant_id": numbers.choice(("mill", "dam")),
        "user_id": f"user-{numbers.randrange(6)}",
        "question": f"What is the {aspect} of the {subject} in the {place} mill?",
        "history": [{"speaker": "user", "text": f"I am user{number}@example.org."}] if number % 5 == 0 else [],
        "contexts": [{"context_id": f"{subject}-{aspect}", "text": fact}] if number % 7 else [],
        "timings": [{"name": "answer", "duration_ms": float(numbers.randrange(1000))}],
        **chosen,
    }


def _document(subject: str) -> str:
    sections = [f"## {aspect}\n\nThe {aspect} of the {subject} is tested twice a year.\n" for aspect in _PROPERTIES]
    return f"# The {subject}\n\n" + "\n".join(sections)


def _question(number: int) -> dict[str, Any]:
    return {
        "question_id": f"question-{number}",
        "tenant_id": "mill",
        "user_id": f"user-{number}",
        "time": (MONDAY + timedelta(hours=number)).isoformat(),
        "question": f"How often is the {_PROPERTIES[number]} of the {_SUBJECTS[number]} tested?",
    }
