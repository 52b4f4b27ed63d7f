"""The question keys of traces: what references are found by, and what two runs are paired by."""

import pyarrow as pa

from millrace.methods.question_identity import question_key


def question_keys(traces: pa.Table) -> list[str]:
    """One key per trace, in order: of its tenant, its question and all turns before it.

    Args:
        traces: columns tenant_id, question and history of Trace.
    """
    columns = (traces.column(name).to_pylist() for name in ("tenant_id", "question", "history"))
    return [
        question_key(tenant_id, question, [turn["text"] for turn in history or ()])
        for tenant_id, question, history in zip(*columns, strict=True)
    ]
