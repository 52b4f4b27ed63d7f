"""Records and eval examples to compare, of nothing but what is compared."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from millrace.datasets.schema import table_of
from millrace.distillation.evidence import as_evidence
from millrace.records.evidence import EvalExample

_AT = datetime(2026, 11, 9, tzinfo=UTC)


def user(text: str) -> dict[str, str]:
    return {"speaker": "user", "text": text}


def assistant(text: str) -> dict[str, str]:
    return {"speaker": "assistant", "text": text}


def records(*rows: dict[str, Any], stream: str = "traces") -> pa.Table:
    """A table of Evidence; ids are r0, r1 ... and everything may be left out."""
    n = len(rows)
    columns: dict[str, Any] = {
        "evidence_id": [f"r{number}" for number in range(n)],
        "stream": [stream] * n,
        "source_file": ["file"] * n,
        "source_offset": list(range(n)),
        "row_hash": [f"{number:064x}" for number in range(n)],
        "recorded_at": [_AT] * n,
        "task_id": ["task"] * n,
        "role": ["answerer"] * n,
    }
    defaults = {"prompt": None, "text": "", "history": [], "split": None, "tenant_id": "mill"}
    columns |= {name: [row.get(name, default) for row in rows] for name, default in defaults.items()}
    return as_evidence(columns, n)


def examples(*rows: dict[str, Any]) -> pa.Table:
    """A table of EvalExample; ids are v0, v1 ..."""
    known = {"tenant_id": "mill"}
    return table_of(
        EvalExample,
        [EvalExample.model_validate(known | {"eval_id": f"v{number}"} | row) for number, row in enumerate(rows)],
    )
