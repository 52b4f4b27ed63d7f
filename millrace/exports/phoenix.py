"""Writes questions with their vectors as a table that Arize Phoenix loads, and what its columns are (A24).

Phoenix drew embeddings until 13.2: ``px.Inferences(frame, px.Schema(...), name)``; later versions have no such API and
no such page, and take the same table as a dataset (``Client().datasets.create_dataset``). The schema document serves
both.

Source: phoenix.Schema and phoenix.EmbeddingColumnNames of arize-phoenix 13.2.0, Datasets.create_dataset of 20.26.1.
"""

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.canonical import canonical_json

_TAGS = ("tenant_id", "route", "status", "answered_by", "n_contexts", "top_score")

PHOENIX_COLUMNS = pa.schema(
    [
        pa.field("prediction_id", pa.string(), nullable=False),
        pa.field("prediction_ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("question_vector", pa.list_(pa.float32()), nullable=False),
        pa.field("answer", pa.string()),
        pa.field("tenant_id", pa.string(), nullable=False),
        pa.field("route", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("answered_by", pa.string()),
        pa.field("n_contexts", pa.int64()),
        pa.field("top_score", pa.float64()),
    ]
)


def phoenix_table(traces: pa.Table, vectors: pa.Table) -> pa.Table:
    """One row for each trace that has a vector, in the order of the traces, ready for Parquet.

    Args:
        traces: table of Trace.
        vectors: table of EmbeddingSample whose ``item_id`` is a trace_id; others count for nothing. A zero vector, of
            an empty text, is left out: it has no direction to be drawn in.
    """
    worded = vectors.filter(_has_direction(vectors.column("vector").combine_chunks()))
    places = pc.index_in(traces.column("trace_id"), value_set=worded.column("item_id").combine_chunks())
    drawn = traces.filter(pc.is_valid(places))
    contexts = drawn.column("contexts").combine_chunks()
    columns = {
        "prediction_id": drawn.column("trace_id"),
        "prediction_ts": drawn.column("time"),
        "question": drawn.column("question"),
        "question_vector": worded.column("vector").take(places.drop_null()),
        **{name: drawn.column(name) for name in ("answer", "tenant_id", "route", "status", "answered_by")},
        "n_contexts": pc.list_value_length(contexts),
        "top_score": _highest(contexts),
    }
    return pa.table({name: columns[name] for name in PHOENIX_COLUMNS.names}).cast(PHOENIX_COLUMNS, safe=False)


def phoenix_schema() -> bytes:
    """The JSON document that says what the columns of :func:`phoenix_table` are to Phoenix.

    ``inferences`` holds the arguments of ``px.Schema`` by name, those of ``px.EmbeddingColumnNames`` inside;
    ``dataset`` those of ``create_dataset`` beside the table.
    """
    question = {"vector_column_name": "question_vector", "raw_data_column_name": "question"}
    return canonical_json(
        {
            "format": 1,
            "inferences": {
                "prediction_id_column_name": "prediction_id",
                "timestamp_column_name": "prediction_ts",
                "embedding_feature_column_names": {"question": question},
                "response_column_names": "answer",
                "tag_column_names": list(_TAGS),
            },
            "dataset": {
                "input_keys": ["question"],
                "output_keys": ["answer"],
                "metadata_keys": ["prediction_id", *_TAGS],
            },
        }
    )


def _has_direction(vectors: pa.ListArray) -> pa.Array:
    parts = pa.table({"row": pc.list_parent_indices(vectors), "is_part": pc.not_equal(vectors.flatten(), 0.0)})
    rows = pc.unique(parts.filter(parts.column("is_part")).column("row"))
    return pc.is_in(pa.array(range(len(vectors)), rows.type), value_set=rows)


def _highest(contexts: pa.ListArray) -> pa.Array:
    scores = pa.table({"row": pc.list_parent_indices(contexts), "score": pc.struct_field(contexts.flatten(), "score")})
    highest = scores.group_by("row").aggregate([("score", "max")])
    rows = highest.column("row").combine_chunks()
    places = pc.index_in(pa.array(range(len(contexts)), rows.type), value_set=rows)
    return highest.column("score_max").combine_chunks().take(places)
