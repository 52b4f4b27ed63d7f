from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.ports import Vectors
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.trace import utc


class AngleEmbedder:
    """The text q18 lies at 18 degrees, r0 in a plane of its own. cos 18 is .951, cos 19 is .946, cos 26 is .899."""

    identity = "angle/1"
    dimension = 52

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            if text:
                axis = 2 * (ord(text[0]) - ord("a"))
                angle = np.radians(float(text[1:]))
                row[axis : axis + 2] = np.cos(angle), np.sin(angle)
        return rows


@pytest.fixture
def embedder() -> AngleEmbedder:
    return AngleEmbedder()


class Said:
    """Annotations with their tasks, built up by a test."""

    def __init__(self) -> None:
        self.tasks: dict[str, AnnotationTask] = {}
        self.annotations: list[Annotation] = []

    def add(self, question: str, *, turn: str | None = None, tenant: str = "a", **fields: Any) -> str:
        """Annotate a question once more; the id tells question, turn, tenant, annotator and day."""
        name = f"{tenant}-{turn or ''}-{question}"
        self.tasks[name] = AnnotationTask(
            task_id=name,
            question_key="0" * 64,
            tenant_id=tenant,
            trace_id=f"trace-{name}",
            question=question,
            history=[{"speaker": "user", "text": turn}] if turn else [],
            why="test",
            position=1,
            estimated_minutes=1.0,
        )
        known: dict[str, Any] = {
            "task_id": name,
            "trace_id": f"trace-{name}",
            "annotator": "ann",
            "verdict": "hallucination",
            "expected_behaviour": "answer",
            "expected_answer": "Two years.",
            "submitted_at": utc(2026, 11, 9),
        }
        known |= fields
        annotation_id = f"{name}-{known['annotator']}-{known['submitted_at'].day}"
        self.annotations.append(Annotation(annotation_id=annotation_id, **known))
        return annotation_id

    def tables(self) -> tuple[pa.Table, pa.Table]:
        return table_of(Annotation, self.annotations), table_of(AnnotationTask, self.tasks.values())


@pytest.fixture
def said() -> Said:
    return Said()
