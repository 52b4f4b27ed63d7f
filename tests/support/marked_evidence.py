"""Evidence for the tests of scoring: records of which only what rules look at matters."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from millrace.distillation.evidence import as_evidence, marker

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)


def record(evidence_id: str, *pairs: tuple[str, object], **fields: object) -> dict[str, Any]:
    """One record; markers as pairs, as one name may come twice."""
    known = {"evidence_id": evidence_id, "stream": "reviews", "source_file": "reviews.jsonl", "role": "answerer"}
    known |= {"task_id": f"task of {evidence_id}", "text": "Because of the tide.", "run_id": "nightly-1"}
    return known | {"markers": [marker(name, value) for name, value in pairs]} | fields


def evidence_of(*records: dict[str, Any]) -> pa.Table:
    """A table of Evidence; row i is at offset i."""
    names = sorted({name for each in records for name in each})
    given = {name: [each.get(name) for each in records] for name in names}
    places = {
        "source_offset": list(range(len(records))),
        "row_hash": [sha256(f"row {place}".encode()).hexdigest() for place in range(len(records))],
        "recorded_at": [AT] * len(records),
    }
    return as_evidence(places | given, len(records))
