"""Evidence that stood as knowledge to retrieve (D4)."""

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.distillation.provenance_columns import provenance
from millrace.distillation.texts import blank, whole
from millrace.records.exports import RagRow


def rag_rows(evidence: pa.Table, scores: pa.Table) -> pa.Table:
    """One RagRow a row, for records that the firewall let through; in order.

    The title is the prompt; where there is none the subject, and else the task.

    Args:
        evidence, scores: rows of Evidence and of EvidenceScore, row i of one for row i of the other.
    """
    rows, scored, schema = whole(evidence), whole(scores), arrow_schema(RagRow)
    titles = [pc.if_else(pa.array(blank(rows[name])), None, rows[name]) for name in ("prompt", "subject", "task_id")]
    columns = {
        "title": pc.coalesce(*titles, rows["task_id"]),
        "category": scored["category"],
        "reason": scored["reason"],
        "provenance": provenance(rows),
    }
    return pa.table([columns.get(name, rows.get(name)) for name in schema.names], schema=schema)
