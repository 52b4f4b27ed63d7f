"""Evidence that stood as knowledge to retrieve (D4)."""

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.provenance_columns import PROVENANCE_COLUMNS, provenance
from millrace.distillation.texts import blank, whole
from millrace.records.exports import RagRow

RAG_COLUMNS = (*("evidence_id", "tenant_id", "user_id", "task_id", "subject", "prompt", "text"), *PROVENANCE_COLUMNS)
"""Columns of Evidence that its rows are made of."""


def rag_rows(evidence: pa.Table, scores: pa.Table) -> pa.Table:
    """One RagRow a row, for records that the firewall let through; in order.

    The title is the prompt; where there is none the subject, and else the task.

    Args:
        evidence, scores: rows of Evidence and of EvidenceScore, row i of one for row i of the other.
    """
    rows, scored, schema = whole(evidence), whole(scores), arrow_schema(RagRow)
    columns = {
        "title": _titles(rows),
        "category": scored["category"],
        "reason": scored["reason"],
        "provenance": provenance(rows),
    }
    return pa.table([columns.get(name, rows.get(name)) for name in schema.names], schema=schema)


def _titles(rows: dict[str, pa.Array]) -> pa.Array:
    titles = rows["prompt"]
    for name in ("subject", "task_id"):
        lacking = blank(titles)
        if not lacking.any():
            break
        titles = pc.if_else(pa.array(lacking), rows[name], titles)
    return titles
