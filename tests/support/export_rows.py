"""Rows of the three exports, the same from the same numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.distillation.dataset_card import ExportAbout
from millrace.distillation.export_form import MODEL
from millrace.records.evidence import Export

EXPORTS: tuple[Export, ...] = ("rag", "sft", "preference")
MORNING = datetime(2026, 11, 9, 8, tzinfo=UTC)
STAYS_AT_HOME = "user-that-must-stay"


def export_table(export: Export, n_rows: int, **changes: Any) -> pa.Table:
    """Rows 0 to ``n_rows``; ``changes`` replace fields of all of them."""
    rows = [_ROW[export](number) | changes for number in range(n_rows)]
    return pa.Table.from_pylist(rows, schema=arrow_schema(MODEL[export]))


def about(**changes: Any) -> ExportAbout:
    """What exports were made from, made up."""
    known = {
        "evidence": made_up_ref("evidence", 9),
        "scores": made_up_ref("evidence_scores", 9),
        "contamination": made_up_ref("contamination", 1),
        "scoring_rules": "default 3",
        "quarantined": {"sft": {"empty_content": 2, "eval_contamination": 1}, "rag": {}},
        "quarantines": {"sft": made_up_ref("quarantine", 3)},
        "eval_examples": made_up_ref("eval_examples", 40),
        "licences": {"traces": "Apache-2.0", "reviews": None},
    }
    return ExportAbout(**known | changes)


def made_up_ref(kind: str, rows: int) -> DatasetRef:
    return DatasetRef(kind=kind, content_hash=kind[0].encode().hex()[0] * 64, rows=rows)


def provenance(number: int, stream: str = "traces") -> dict[str, Any]:
    return {
        "sig_hash": f"{number:064x}",
        "stream": stream,
        "source_file": "traces.jsonl",
        "source_offset": number * 100,
        "row_hash": f"{number:064x}",
        "run_id": "run-1",
        "recorded_at": MORNING + timedelta(hours=number, microseconds=number),
    }


def _rag(number: int) -> dict[str, Any]:
    return {
        "evidence_id": f"traces-{number}",
        "tenant_id": f"tenant-{number % 2}",
        "user_id": STAYS_AT_HOME,
        "task_id": f"task-{number}",
        "title": f"What is pump {number}?",
        "text": f"Pump {number} is blue.",
        "category": "accepted" if number % 3 else "partially_accepted",
        "reason": "a person said so",
        "provenance": provenance(number),
    }


def _sft(number: int) -> dict[str, Any]:
    return {
        "evidence_id": f"traces-{number}",
        "tenant_id": f"tenant-{number % 2}",
        "user_id": STAYS_AT_HOME,
        "messages": [
            {"role": "system", "content": 'Answer "briefly".\n'},
            {"role": "user", "content": f"What is pump {number}?"},
            {"role": "assistant", "content": f"Pump {number} is blue."},
        ],
        "category": "accepted",
        "provenance": provenance(number),
    }


def _preference(number: int) -> dict[str, Any]:
    return {
        "pair_id": f"pair-{number}",
        "tenant_id": f"tenant-{number % 2}",
        "user_id": STAYS_AT_HOME,
        "rejected_user_id": STAYS_AT_HOME,
        "task_id": f"task-{number}",
        "prompt": [{"role": "user", "content": f"What is pump {number}?"}],
        "chosen": [{"role": "assistant", "content": f"Pump {number} is blue."}],
        "rejected": [{"role": "assistant", "content": "I do not care."}],
        "chosen_id": f"traces-{number}",
        "rejected_id": f"reviews-{number}",
        "chosen_category": "accepted",
        "rejected_category": "rejected",
        "basis": "task",
        "provenance": provenance(number),
        "rejected_provenance": provenance(number, "reviews"),
    }


_ROW = {"rag": _rag, "sft": _sft, "preference": _preference}
