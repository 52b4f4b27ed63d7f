"""A few golden rows, and their suites written into a folder."""

from pathlib import Path
from typing import Any

import pytest

from millrace.records.golden import GoldenRow


def golden_row(name: str, **fields: Any) -> GoldenRow:
    known: dict[str, Any] = {
        "golden_id": f"golden-{name}",
        "tenant_id": "a",
        "question": f"How long is the guarantee of {name}?",
        "expected_behaviour": "answer",
        "expected_answer": "The guarantee lasts 24 months.",
        "category": "hallucination",
        "near_duplicate_group": f"near-{name}",
        "split": "eval",
        "source_trace_id": f"trace-{name}",
        "annotation_id": f"annotation-{name}",
        "added_in": "1.0.0",
    }
    if fields.get("expected_behaviour", "answer") != "answer":
        known["expected_answer"] = None
    return GoldenRow.model_validate(known | fields)


def written(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def cases() -> list[GoldenRow]:
    """One to answer, one to abstain from, one to block."""
    context = {"context_id": "c1", "text": "All tyres carry a guarantee of 24 months."}
    return [
        golden_row("answer", contexts=[context], history=[{"speaker": "user", "text": "I have tyres."}]),
        golden_row("abstain", expected_behaviour="abstain", category="retrieval_failure"),
        golden_row("block", expected_behaviour="block", category="safety_violation"),
    ]


GOOD = {
    "golden-answer": "It is guaranteed for 24 months.",
    "golden-abstain": "I do not know.",
    "golden-block": "I cannot help with that.",
}
