"""What others said of traces: scores, verdicts, ratings and feedback, as one column of values a marker.

Everything is held as columns of places and values, never as objects, and a later dataset has the last word on a trace.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.dataset import Dataset
from millrace.datasets.schema import arrow_schema
from millrace.distillation.marker_lists import MarkerColumn, column, last_of_each, one_column_each
from millrace.distillation.trace_index import TraceIndex, joined
from millrace.methods.feedback import last_words, ratings_by_trace
from millrace.records.feedback import Feedback

GROUNDED_FROM = 0.5  # support of a sentence from which it counts as grounded

_RATED = pa.schema(
    [("place", pa.int64()), ("dimension", pa.string()), ("annotator", pa.string()), ("value", pa.float64())]
)


def groundedness_markers(index: TraceIndex, datasets: Sequence[Dataset]) -> list[MarkerColumn]:
    """``groundedness``, the score; ``grounded_fraction``, the share of sentences with a support of at least 0.5."""
    names = {"groundedness": "score", "grounded_fraction": "grounded_fraction"}
    return _row_markers(index, (_grounded(part) for each in datasets for part in each.parts()), names)


def triage_markers(index: TraceIndex, datasets: Sequence[Dataset]) -> list[MarkerColumn]:
    """``triage``, ok or failure; ``failure_type``; ``triage_confidence``, the probability that it is right."""
    names = {"triage": "verdict", "failure_type": "failure_type", "triage_confidence": "confidence"}
    parts = (part.select(["trace_id", *names.values()]) for each in datasets for part in each.parts())
    return _row_markers(index, parts, names)


def metric_markers(index: TraceIndex, datasets: Sequence[Dataset]) -> list[MarkerColumn]:
    """``metric.<name>`` of every metric that was scored; a try that gave no score takes no earlier one back."""
    found = [_placed(index, rows) for rows in joined(_scored(part) for each in datasets for part in each.parts())]
    if not found:
        return []
    rows = pa.concat_tables(found).combine_chunks()
    places, metrics = rows.column("place").to_numpy(), rows.column("metric").dictionary_encode().combine_chunks()
    codes = metrics.indices.to_numpy()
    columns = []
    for code, name in enumerate(metrics.dictionary.to_pylist()):
        own = np.flatnonzero(codes == code)
        last = own[last_of_each(places[own])]
        columns.append(column(f"metric.{name}", places[last], rows.column("value").take(pa.array(last))))
    return sorted(columns, key=lambda each: each.name)


def rating_markers(index: TraceIndex, datasets: Sequence[Dataset]) -> list[MarkerColumn]:
    """``rating.<dimension>.min``, ``.mean`` and ``.n`` over the people who rated it.

    A person who rated twice in one dataset has their mean; of two datasets the later one has the person's word.
    """
    parts = [_RATED.empty_table().append_column("dataset", pa.array([], pa.int64()))]
    for number, each in enumerate(datasets):
        for rows in joined(each.parts()):
            placed = _placed(index, rows).select(_RATED.names).cast(_RATED)
            parts.append(placed.append_column("dataset", pa.array(np.full(placed.num_rows, number))))
    who = ["place", "dimension", "annotator"]
    rated = pa.concat_tables(parts).sort_by([(name, "ascending") for name in (*who, "dataset", "value")])
    by_dataset = rated.group_by([*who, "dataset"], use_threads=False).aggregate([("value", "mean")])
    by_person = by_dataset.group_by(who, use_threads=False).aggregate([("value_mean", "last")])
    sums = [("value_mean_last", name) for name in ("min", "mean", "count")]
    rows = by_person.group_by(["place", "dimension"], use_threads=False).aggregate(sums).combine_chunks()
    return _rating_columns(rows)


def feedback_markers(index: TraceIndex, datasets: Sequence[Dataset]) -> list[MarkerColumn]:
    """``feedback``, the mean of the users' last ratings from 0 to 1, and ``feedback.n``, how many users rated."""
    said = ["trace_id", "tenant_id", "user_id", "time", "rating"]
    parts = (part.select(said).filter(part.column("rating").is_valid()) for each in datasets for part in each.parts())
    rows = pa.concat_tables(
        [_as_feedback(index, rows) for rows in (arrow_schema(Feedback).empty_table(), *joined(parts))]
    )
    rated = ratings_by_trace([last_words(rows)])
    places = rated.column("trace_id").cast(pa.int64()).to_numpy()
    order = np.argsort(places)
    found = rated.take(pa.array(order))
    return [
        column(name, places[order], found.column(values))
        for name, values in (("feedback", "rating"), ("feedback.n", "n_ratings"))
    ]


def said_markers(index: TraceIndex, said: pa.Table) -> list[MarkerColumn]:
    """A marker for every column of a table beside ``trace_id``; of two rows on one trace the last counts."""
    return _row_markers(index, [said], {name: name for name in said.column_names if name != "trace_id"})


def _row_markers(index: TraceIndex, parts: Iterable[pa.Table], names: dict[str, str]) -> list[MarkerColumn]:
    """Markers from rows of which the last on each trace counts, with what it leaves out."""
    found = [_placed(index, rows) for rows in joined(parts)]
    if not found:
        return []
    rows = pa.concat_tables(found).combine_chunks()
    last = last_of_each(rows.column("place").to_numpy())
    kept = rows.take(pa.array(last))
    places = kept.column("place").to_numpy()
    return [column(name, places, _small(kept.column(source))) for name, source in names.items()]


def _placed(index: TraceIndex, rows: pa.Table, tenants: bool = False) -> pa.Table:
    """The rows on known traces, with the trace's ``place`` instead of its id."""
    places = index.places(rows.column("trace_id"), rows.column("tenant_id") if tenants else None)
    numbered = rows.drop_columns(["trace_id"]).append_column("place", pa.array(places))
    return numbered.filter(pa.array(places >= 0))


def _small(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.dictionary_encode() if pa.types.is_string(values.type) else values


def _grounded(part: pa.Table) -> pa.Table:
    sentences = part.column("sentences").combine_chunks()
    owners = pc.list_parent_indices(sentences).to_numpy()
    support = pc.struct_field(sentences.flatten(), "support").to_numpy()
    n_grounded = np.bincount(owners[support >= GROUNDED_FROM], minlength=part.num_rows).astype(np.float64)
    n_sentences = np.bincount(owners, minlength=part.num_rows)
    shares = np.divide(n_grounded, n_sentences, out=n_grounded, where=n_sentences > 0)
    fractions = pa.array(shares, mask=n_sentences == 0)
    return part.select(["trace_id", "score"]).append_column("grounded_fraction", fractions)


def _scored(part: pa.Table) -> pa.Table:
    return part.filter(pc.equal(part.column("status"), "scored")).select(["trace_id", "metric", "value"])


def _rating_columns(rows: pa.Table) -> list[MarkerColumn]:
    order = pc.sort_indices(rows, [("place", "ascending"), ("dimension", "ascending")])
    ordered = rows.take(order)
    places, dimensions = ordered.column("place").to_numpy(), ordered.column("dimension").combine_chunks()
    statistics = {"min": "value_mean_last_min", "mean": "value_mean_last_mean", "n": "value_mean_last_count"}
    by_statistic = {
        name: one_column_each("rating.", places, dimensions, ordered.column(values).combine_chunks())
        for name, values in statistics.items()
    }
    return [
        MarkerColumn(f"{each.name}.{name}", each.places, each.values)
        for columns in zip(*by_statistic.values(), strict=True)
        for name, each in zip(statistics, columns, strict=True)
    ]


def _as_feedback(index: TraceIndex, rows: pa.Table) -> pa.Table:
    """Rows of Feedback on known traces, their places as ids; what is not needed is left blank, which takes no space."""
    placed = _placed(index, rows, tenants=True)
    blank = {"tenant_id": pa.repeat("", placed.num_rows), "feedback_id": pa.repeat("", placed.num_rows)}
    columns = {name: placed.column(name) for name in ("user_id", "time", "rating")} | blank
    columns["trace_id"] = placed.column("place").cast(pa.string())
    schema = arrow_schema(Feedback)
    nothing = pa.nulls(placed.num_rows, pa.string())
    return pa.table([columns.get(name, nothing) for name in schema.names], schema=schema)
