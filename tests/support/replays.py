"""A home with a distillation's RAG export, tasks to replay, and replays of them without Prefect's engine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.replay import ReplayConfig, ReplayResult, replay
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of, table_of
from millrace.records.base import Record
from millrace.records.exports import Provenance, RagRow
from millrace.records.replay import Replay
from tasks.home import Home
from tasks.parts import write_dataset
from tasks.run import FlowConfig, recorded
from tasks.stage import stage
from tests.support.inputs import write_lines

T0 = datetime(2026, 11, 20, 6, tzinfo=UTC)
PROVENANCE = Provenance(
    sig_hash="a" * 64,
    stream="traces",
    source_file="traces.jsonl",
    source_offset=0,
    row_hash="b" * 64,
    run_id="source",
    recorded_at=T0,
)


class Exported(Record):
    """As the distillation's step gives it out."""

    rows: DatasetRef
    quarantine: DatasetRef | None = None


@stage
def export_rag(rows: list[RagRow]) -> Exported:
    """Named as the distillation's step, so that its receipt is too."""
    return Exported(rows=write_dataset("rag_rows", table_of(RagRow, rows)))


def rag_row(evidence_id: str, title: str, text: str, category: str = "accepted", **fields: Any) -> RagRow:
    known: dict[str, Any] = {
        "tenant_id": "mill",
        "task_id": f"task of {evidence_id}",
        "reason": f"{category} by a rule",
    }
    return RagRow.model_validate(
        {"evidence_id": evidence_id, "title": title, "text": text, "category": category, "provenance": PROVENANCE}
        | known
        | fields
    )


KNOWLEDGE = [
    rag_row("pump", "How often is the pump tested?", "The pump is tested twice a year."),
    rag_row("pump-again", "When is the pump tested?", "The pump is TESTED twice a year."),
    rag_row("valve", "Who opens the valve?", "The miller opens the valve by hand."),
    rag_row("gauge", "What does the gauge show?", "The gauge shows the pressure of the water."),
    rag_row("partly", "How often is the pump tested?", "The pump is tested daily.", "partially_accepted"),
    rag_row("unseen", "Is the pump tested?", "The pump is never tested.", "needs_human_review"),
    rag_row("theirs", "How often is the pump tested?", "The pump of the dam is tested hourly.", tenant_id="dam"),
]


def distilled(rows: list[RagRow] = KNOWLEDGE, run_id: str = "distilled", flow: str = "distill") -> Exported:
    """A completed run that exported these rows."""

    @recorded(flow)
    def body(config: FlowConfig, run_id: str) -> Exported:
        return export_rag(rows)

    return body(FlowConfig(as_of=T0), run_id)


def task(question_id: str, question: str, **fields: Any) -> dict[str, Any]:
    known = {"question_id": question_id, "tenant_id": "mill", "time": "2026-11-20T07:00:00Z", "question": question}
    return known | fields


TASKS = [
    task("t-pump", "How often is the pump tested?"),
    task("t-valve", "Who opens the valve?"),
    task("t-moon", "Which metals does Saturn export?"),
]


def write_tasks(folder: Path, rows: list[dict[str, Any]] = TASKS, name: str = "tasks.jsonl") -> Path:
    return write_lines(folder / name, rows)


def replayed(file: Path, run_id: str = "replay", **settings: Any) -> ReplayResult:
    """A run of the flow in this process, with the index in its memory."""
    config = ReplayConfig.model_validate({"file": str(file), "store": "memory", "as_of": T0} | settings)
    result: ReplayResult = replay.fn(config, run_id=run_id)
    return result


def replays_of(home: Home, ref: DatasetRef | None) -> dict[str, Replay]:
    assert ref is not None
    return {row.task_id: row for row in rows_of(Replay, home.datasets.open(ref).to_arrow())}
