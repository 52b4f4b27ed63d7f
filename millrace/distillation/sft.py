"""Evidence that stood as conversations to learn from (D5)."""

import pyarrow as pa

from millrace.datasets.schema import arrow_schema
from millrace.distillation.config import SftConfig
from millrace.distillation.conversations import conversations, numbered_passages
from millrace.distillation.provenance_columns import PROVENANCE_COLUMNS, provenance
from millrace.distillation.texts import whole
from millrace.records.exports import SftRow

SFT_COLUMNS = (*("evidence_id", "tenant_id", "user_id", "prompt", "history", "contexts", "text"), *PROVENANCE_COLUMNS)
"""Columns of Evidence that its rows are made of."""


def sft_rows(evidence: pa.Table, scores: pa.Table, config: SftConfig) -> pa.Table:
    """One SftRow a row, for records that the firewall let through; in order.

    Messages: the passages as a system message, the turns before the prompt, the prompt, the text as the assistant's.

    Args:
        evidence, scores: rows of Evidence and of EvidenceScore, row i of one for row i of the other.
    """
    rows, schema = whole(evidence), arrow_schema(SftRow)
    system = numbered_passages(rows["contexts"], config.instructions) if config.contexts_in_prompt else None
    columns = {
        "messages": conversations(rows["history"], rows["prompt"], system, answer=rows["text"]),
        "category": whole(scores)["category"],
        "provenance": provenance(rows),
    }
    return pa.table([columns.get(name, rows.get(name)) for name in schema.names], schema=schema)
