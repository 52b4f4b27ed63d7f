"""Were the right passages found, and were they in front? By ids that are known beforehand to be right (A26)."""

from collections.abc import Collection, Sequence, Set

import pyarrow as pa
import pyarrow.compute as pc

from millrace.evaluation.answer_states import TRACE_FAILED
from millrace.evaluation.results import Result

SOURCE = "context-ids/1"
Passage = tuple[str, str | None]  # context id and document id
_NEVER_SEARCHED = ("blocked", "escalated")


def context_precision(passages: Sequence[Passage], relevant: Set[str]) -> float:
    """Whether relevant passages stand in front: the mean of precision@k over the ranks k of relevant passages.

    Args:
        passages: as shown, best first, at least one; relevant by context id or by document id.
        relevant: reference ids, at least one.

    Returns:
        In [0, 1]; 0 when none is relevant. How many relevant ones are missing makes no difference: that is recall.

    Source:
        Ragas 0.4, "Context Precision": sum of precision@k x v_k over the number of relevant items in the top K. It is
        average precision over what was retrieved.
    """
    n_found, total = 0, 0.0
    for rank, passage in enumerate(passages, start=1):
        if not relevant.isdisjoint(passage):
            n_found += 1
            total += n_found / rank
    return total / n_found if n_found else 0.0


def context_recall(passages: Sequence[Passage], relevant: Collection[str]) -> float:
    """Share of the reference ids, at least one, that are the id or the document of a passage; in [0, 1].

    Source:
        Ragas 0.4, "ID based context recall".
    """
    shown = {each for passage in passages for each in passage}
    distinct = set(relevant)
    return len(distinct & shown) / len(distinct)


def retrieval_results(
    traces: pa.Table, relevant_ids: Sequence[Sequence[str] | None]
) -> tuple[list[Result], list[Result]]:
    """Precision and recall of each trace, in order.

    No value: ``trace_failed``; ``no_reference`` or ``no_reference_contexts`` where it is not known what is relevant;
    ``not_searched`` for a trace that was blocked or handed to a person and shows no passage; precision also
    ``no_context`` where nothing was shown (recall is 0).

    Args:
        traces: columns status and contexts of Trace.
        relevant_ids: of each trace; None without a reference.
    """
    statuses, passages = traces.column("status").to_pylist(), shown_passages(traces)
    precision: list[Result] = []
    recall: list[Result] = []
    for status, shown, ids in zip(statuses, passages, relevant_ids, strict=True):
        unknown = _why_unknown(status, shown, ids)
        if unknown or not ids:
            precision.append(unknown)
            recall.append(unknown)
        else:
            precision.append(context_precision(shown, set(ids)) if shown else "no_context")
            recall.append(context_recall(shown, ids))
    return precision, recall


def shown_passages(traces: pa.Table) -> list[list[Passage]]:
    """Context and document id of the passages of each trace; their texts are not touched."""
    contexts = traces.column("contexts").combine_chunks()
    flat = contexts.flatten()
    ids = list(zip(*(pc.struct_field(flat, name).to_pylist() for name in ("context_id", "doc_id")), strict=True))
    lengths = pc.fill_null(pc.list_value_length(contexts), 0).to_pylist()
    found, start = [], 0
    for length in lengths:
        found.append(ids[start : start + length])
        start += length
    return found


def _why_unknown(status: str, shown: Sequence[Passage], ids: Sequence[str] | None) -> str:
    """The reason why neither has a value; empty when they have."""
    if status == "failed":
        return TRACE_FAILED
    if ids is None:
        return "no_reference"
    if not ids:
        return "no_reference_contexts"
    return "not_searched" if status in _NEVER_SEARCHED and not shown else ""
