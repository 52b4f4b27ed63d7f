"""Writes a daily evaluation's questions with their vectors as files that Arize Phoenix loads."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from apps.cli.row_selection import find_outputs, outputs_of
from apps.cli.run_names import find_run
from millrace.datasets.files import write_atomic
from millrace.errors import BadInputError
from millrace.exports.phoenix import PHOENIX_COLUMNS, phoenix_schema, phoenix_table
from tasks.home import Home
from tasks.receipts import read_receipts

TABLE, SCHEMA = "embeddings.parquet", "schema.json"


def write_embeddings(home: Home, name: str, folder: Path) -> int:
    """Write table and schema into a folder that is empty or not there.

    Returns:
        How many questions there are.

    Raises:
        NotFoundError: no such run, or it sampled no questions.
        BadInputError: there is something in the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is not an empty folder; name one that is, or that does not exist yet")
    run_id = find_run(home.ledger, name).run_id
    outputs = outputs_of(read_receipts(home.run_folder(run_id)))
    sampled = find_outputs(outputs, "embedding_samples", run_id).refs
    traces = find_outputs(outputs, "select-traces/selected_traces", run_id).refs
    vectors = pa.concat_tables(home.datasets.open(ref).to_arrow() for ref in sampled)
    ids = vectors.column("item_id").combine_chunks()
    parts = (part for ref in traces for part in home.datasets.open(ref).parts())
    drawn = [phoenix_table(part.filter(pc.is_in(part.column("trace_id"), ids)), vectors) for part in parts]
    rows = pa.concat_tables([PHOENIX_COLUMNS.empty_table(), *drawn])
    folder.mkdir(parents=True, exist_ok=True)
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    write_atomic(folder / TABLE, sink.getvalue().to_pybytes())
    write_atomic(folder / SCHEMA, phoenix_schema())
    return int(rows.num_rows)
