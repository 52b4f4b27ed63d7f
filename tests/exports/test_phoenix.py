"""Questions with vectors, as a table that Phoenix loads."""

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from millrace.datasets.schema import table_of
from millrace.exports.phoenix import PHOENIX_COLUMNS, phoenix_schema, phoenix_table
from millrace.records.monitoring import EmbeddingSample
from millrace.records.trace import RetrievedContext, Trace

TIME = datetime(2026, 11, 20, 8, tzinfo=UTC)
TRACES = table_of(
    Trace,
    [
        Trace(
            trace_id=name, time=TIME, tenant_id="t", question=f"{name}?", answer=None if name == "b" else name.upper(),
            contexts=[RetrievedContext(context_id="c", text="", score=score) for score in (0.25, 0.75)] * (name != "b"),
        )
        for name in "abcd"
    ],
)  # fmt: skip
VECTORS = table_of(
    EmbeddingSample,
    [
        EmbeddingSample(item_id="elsewhere", vector=[1.0, 0.0]),
        EmbeddingSample(item_id="d", vector=[0.0, 0.0]),
        EmbeddingSample(item_id="b", vector=[0.0, 1.0]),
        EmbeddingSample(item_id="a", vector=[0.6, -0.8]),
    ],
)


def test_traces_with_a_vector_in_their_order() -> None:
    found = phoenix_table(TRACES, VECTORS)
    assert found.schema == PHOENIX_COLUMNS
    assert found.column("prediction_id").to_pylist() == ["a", "b"]
    assert found.column("question_vector").to_pylist()[1] == [0.0, 1.0]
    assert found.column("question").to_pylist() == ["a?", "b?"]
    assert found.column("answer").to_pylist() == ["A", None]
    assert found.column("n_contexts").to_pylist() == [2, 0]
    assert found.column("top_score").to_pylist() == [0.75, None]


def test_no_traces_and_no_vectors_give_an_empty_table() -> None:
    assert phoenix_table(TRACES.slice(0, 0), VECTORS).num_rows == 0
    assert phoenix_table(TRACES, VECTORS.slice(0, 0)).num_rows == 0


def test_it_survives_parquet_and_pandas() -> None:
    stream = io.BytesIO()
    pq.write_table(phoenix_table(TRACES, VECTORS), stream)
    frame = pq.read_table(pa.BufferReader(stream.getvalue())).to_pandas()
    assert frame["question_vector"][0].shape == (2,)
    assert str(frame["prediction_ts"].dt.tz) == "UTC"


def test_the_schema_names_columns_of_the_table() -> None:
    document = json.loads(phoenix_schema())
    inferences, dataset = document["inferences"], document["dataset"]
    named = {
        inferences["prediction_id_column_name"],
        inferences["timestamp_column_name"],
        inferences["response_column_names"],
        *inferences["tag_column_names"],
        *inferences["embedding_feature_column_names"]["question"].values(),
    }
    assert named == set(PHOENIX_COLUMNS.names)
    assert {*dataset["input_keys"], *dataset["output_keys"], *dataset["metadata_keys"]} < named
