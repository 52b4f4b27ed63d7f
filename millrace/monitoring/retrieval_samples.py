"""Which traces searched, and what they found."""

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.records.monitoring import RetrievalSample

# "retrieval", "retrieve", "VectorStoreRetriever", "search", "vector_search", but not "research"
_SEARCHES = r"(?i)retriev|(^|[^a-z])search"


def retrieval_samples(traces: pa.Table) -> pa.Table:
    """One row for each trace that searched, in the order of the traces.

    Whether a trace searched:

    - A blocked or escalated one did not.
    - Where it has a span of the search (a name with ``retriev`` or ``search``), that decides: it did unless every such
      span has the attribute ``ran`` with the value ``false``, or an attribute ``skipped`` (a route that needs no
      passages) or ``error`` (the search itself failed).
    - Otherwise one with passages did. One with other spans and no passages did not: its application tells its steps,
      and a search is none of them.
    - One without spans and passages did when it was answered or abstained, and not when it failed. So traces of an
      application that never searches and sends no spans look as if nothing were ever found.

    Args:
        traces: table of Trace.

    Returns:
        Table of RetrievalSample. ``n_contexts`` counts the passages that the answerer was shown, ``top_score`` is the
        highest of their scores.
    """
    contexts = traces.column("contexts").combine_chunks()
    found = pa.table(
        {
            "trace_id": traces.column("trace_id"),
            "time": traces.column("time"),
            "n_contexts": pc.list_value_length(contexts).cast(pa.int64()),
            "top_score": _highest_scores(contexts),
        }
    )
    return found.filter(_searched(traces, found.column("n_contexts"))).cast(arrow_schema(RetrievalSample))


def _highest_scores(contexts: pa.ListArray) -> pa.Array:
    scores = pa.table({"row": pc.list_parent_indices(contexts), "score": pc.struct_field(contexts.flatten(), "score")})
    return _by_row(scores.group_by("row").aggregate([("score", "max")]), "score_max", len(contexts))


def _by_row(grouped: pa.Table, column: str, n_rows: int) -> pa.Array:
    places = pc.index_in(pa.array(range(n_rows), pa.int64()), grouped.column("row").combine_chunks().cast(pa.int64()))
    return grouped.column(column).combine_chunks().take(places)


def _searched(traces: pa.Table, n_contexts: pa.ChunkedArray) -> pa.ChunkedArray:
    status = traces.column("status")
    has_contexts = pc.greater(n_contexts, 0)
    spans = traces.column("spans").combine_chunks()
    untold = pc.and_(
        pc.equal(pc.list_value_length(spans), 0), pc.is_in(status, value_set=pa.array(["answered", "abstained"]))
    )
    by_spans = _searched_by_spans(spans)
    did = pc.if_else(pc.is_valid(by_spans), by_spans, pc.or_(has_contexts, untold))
    return pc.and_(did, pc.invert(pc.is_in(status, value_set=pa.array(["blocked", "escalated"]))))


def _searched_by_spans(spans: pa.ListArray) -> pa.Array:
    """Whether any span of a search ran; null for traces that have none."""
    flat = spans.flatten()
    of_search = pc.match_substring_regex(pc.struct_field(flat, "name"), _SEARCHES)
    rows = pc.list_parent_indices(spans).filter(of_search)
    attributes = pc.struct_field(flat, "attributes").filter(of_search)
    ran = _ran(attributes)
    by_row = pa.table({"row": rows, "ran": ran}).group_by("row").aggregate([("ran", "any")])
    return _by_row(by_row, "ran_any", len(spans))


def _ran(attributes: pa.ListArray) -> pa.Array:
    """Whether nothing among a span's attributes says that it did not run."""
    flat = attributes.flatten()
    name, value = pc.struct_field(flat, "name"), pc.struct_field(flat, "value")
    did_not = pc.or_(
        pc.and_(pc.equal(name, "ran"), pc.equal(value, "false")),
        pc.is_in(name, value_set=pa.array(["skipped", "error"])),
    )
    which = pc.unique(pc.list_parent_indices(attributes).filter(did_not))
    return pc.invert(pc.is_in(pa.array(range(len(attributes)), which.type), value_set=which))
