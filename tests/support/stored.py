"""Datasets in a store of a test's own, from rows with the fields that matter."""

from pathlib import Path
from typing import Any

from millrace.datasets.dataset import Dataset
from millrace.datasets.manifest import Origin
from millrace.datasets.schema import table_of
from millrace.datasets.store import DatasetStore
from millrace.distillation.part_groups import OpenSource
from millrace.records.kinds import KINDS

_ORIGIN = Origin(stage="test", code_fingerprint="0", settings_hash="0", inputs=[], numeric_profile="0")

KNOWN: dict[str, dict[str, Any]] = {
    "traces": {"time": "2026-11-09T08:00:00Z", "tenant_id": "mill", "question": "How long?", "answer": "Two years."},
    "groundedness": {"score": None, "source": "test/1"},
    "triage": {"time": "2026-11-09T08:00:00Z", "tenant_id": "mill", "verdict": "ok", "reason": "why"},
    "metric_scores": {"question_key": "0" * 64, "tier": "model_free", "status": "scored", "source": "test/1"},
    "human_ratings": {"dimension": "faithfulness", "annotator": "ann"},
    "feedback": {"time": "2026-11-10T08:00:00Z", "tenant_id": "mill", "user_id": "uma"},
    "annotation_tasks": {
        "question_key": "0" * 64,
        "tenant_id": "mill",
        "question": "How long?",
        "answer": "Two years.",
        "why": "uncertain",
        "position": 1,
        "estimated_minutes": 1,
    },
    "annotations": {
        "verdict": "hallucination",
        "expected_behaviour": "answer",
        "expected_answer": "Three years.",
        "submitted_at": "2026-11-12T08:00:00Z",
        "annotator": "ada",
    },
    "golden": {
        "tenant_id": "mill",
        "question": "How long?",
        "expected_behaviour": "answer",
        "expected_answer": "Three years.",
        "category": "hallucination",
        "near_duplicate_group": "g",
        "split": "train",
        "source_trace_id": "t0",
        "annotation_id": "a0",
        "added_in": "1.0.0",
    },
    "replays": {
        "task_id": "task",
        "time": "2026-11-09T08:00:00Z",
        "tenant_id": "mill",
        "question": "How long?",
        "answer": "Three years.",
        "retrieval": "index",
        "answered_by": "small",
        "tier": "local",
        "passed": True,
    },
}


def rows_of_kind(kind: str, *rows: dict[str, Any]) -> Any:
    """A table of that kind; fields that are not given are those of :data:`KNOWN`."""
    model = KINDS[kind].model
    return table_of(model, [model.model_validate(KNOWN.get(kind, {}) | row) for row in rows])


def stored(folder: Path, kind: str, *rows: dict[str, Any], key: str = "one") -> Dataset:
    """A dataset of one part."""
    store = DatasetStore(folder)
    return store.open(store.write(kind, rows_of_kind(kind, *rows), _ORIGIN, key=key))


def source(folder: Path, kind: str, *rows: dict[str, Any], run_id: str = "import") -> OpenSource:
    """A dataset that a run brought in."""
    return OpenSource(stored(folder, kind, *rows), run_id)
