"""Small evidence with its scores, bound as a stream would bind it."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from millrace.datasets.schema import arrow_schema, table_of
from millrace.distillation.claimed_files import KnownFiles
from millrace.distillation.duplicates import repeated
from millrace.distillation.evidence import as_evidence
from millrace.distillation.firewall import FirewallFacts
from millrace.distillation.judged_records import EVIDENCE_COLUMNS
from millrace.records.evidence import Contamination, Evidence, EvidenceScore

TIME = datetime(2026, 11, 9, 8, tzinfo=UTC)
KNOWN = KnownFiles.of(["src/app.py", "src/core/rules.py", "docs/guide.md", "README.md"])


class Judged(NamedTuple):
    """Evidence and its scores, row by row."""

    evidence: pa.Table
    scores: pa.Table


def record(number: int, category: str | None = "accepted", **fields: Any) -> dict[str, Any]:
    """A row that every export takes, and its category; fields replace what it says."""
    row = {
        "evidence_id": f"e{number}",
        "stream": "answers",
        "source_file": "answers.jsonl",
        "source_offset": number * 100,
        "row_hash": sha256(str(number).encode()).hexdigest(),
        "recorded_at": TIME,
        "run_id": "run-1",
        "task_id": f"t{number}",
        "producer": "model-a",
        "role": "answerer",
        "prompt": "How do I restart the mill?",
        "text": f"Open gate {number} and wait.",
    }
    return row | {"category": category} | fields


def turn(speaker: str, text: str) -> dict[str, str]:
    return {"speaker": speaker, "text": text}


def judged(*rows: dict[str, Any]) -> Judged:
    """The rows as evidence, bound by ``sig_hash``; what a row has under ``forged`` is changed after that."""
    schema = arrow_schema(Evidence)
    defaults = {"history": [], "contexts": [], "claimed_files": [], "markers": [], "tenant_id": "default"}
    names = [name for name in schema.names if any(name in row for row in rows)]
    given = {
        name: pa.array([row.get(name, defaults.get(name)) for row in rows], schema.field(name).type) for name in names
    }
    evidence = as_evidence(given, len(rows)) if rows else schema.empty_table()
    forged = [each | row.get("forged", {}) for each, row in zip(evidence.to_pylist(), rows, strict=True)]
    evidence = pa.Table.from_pylist(forged, schema=schema)
    return Judged(evidence, scores_of(evidence, [row["category"] for row in rows]))


def scores_of(evidence: pa.Table, categories: list[str | None]) -> pa.Table:
    n_rows = len(categories)
    columns = {
        "evidence_id": evidence.column("evidence_id"),
        "category": pa.array(categories, pa.string()),
        "rule_id": pa.array(["rule-1"] * n_rows),
        "reason": pa.array(["as the reviewer says"] * n_rows),
        "fired": pa.array([[]] * n_rows, pa.list_(pa.string())),
        "parent_id": pa.nulls(n_rows, pa.string()),
    }
    return pa.table(
        [columns[name] for name in arrow_schema(EvidenceScore).names], names=arrow_schema(EvidenceScore).names
    )


def facts_of(given: Judged, contaminated: tuple[str, ...] = (), known: KnownFiles | None = None) -> FirewallFacts:
    """What the stages would find out about the rows."""
    return FirewallFacts(
        repeated([given.evidence.column("evidence_id").combine_chunks()]), contamination(*contaminated), known
    )


def contamination(*ids: str) -> pa.Table:
    return table_of(
        Contamination,
        [
            Contamination(evidence_id=each, match="exact", eval_id="golden main q1", similarity=1.0, matched="How?")
            for each in ids
        ],
    )


def for_the_wall(given: Judged, contaminated: tuple[str, ...] = ()) -> pa.Table:
    """The evidence as the third wall is given it."""
    table = given.evidence.select(EVIDENCE_COLUMNS).append_column("category", given.scores.column("category"))
    ids = given.evidence.column("evidence_id").to_pylist()
    return table.append_column("contaminated", pa.array(np.isin(ids, list(contaminated))))
